"""The subcommands of ``wfperf``: each module adds its own to the parser, and is told the parsed arguments."""
