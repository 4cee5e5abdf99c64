"""What the page shows: a sheet of text and a set of figures for every workflow."""
