/* Numbers and foreign text as a reader should see them: the page's side of report/text.py, equal to it. */
const format = (() => {
  "use strict";
  const UNITS = [
    [1, "ns"],
    [1e3, "µs"],
    [1e6, "ms"],
    [1e9, "s"],
    [60e9, "min"],
  ];
  const FACTOR_FROM = 2; // a change of +200 % reads better as 3x
  const BEYOND = 30; // more digits than tell a double from the nearest tie

  /* The digits before the last `BEYOND`, rounded half to even as Python does (JavaScript rounds ties up). */
  const rounded = (digits) => {
    const kept = BigInt(digits.slice(0, -BEYOND) || "0");
    const rest = digits.slice(-BEYOND);
    const tie = "5".padEnd(BEYOND, "0");
    const up = rest > tie || (rest === tie && kept % 2n === 1n);
    return (up ? kept + 1n : kept).toString();
  };

  const sign = (value) => (value < 0 || Object.is(value, -0) ? "-" : "");

  /* Python's f"{value:.{places}f}". */
  const fixed = (value, places) => {
    const digits = rounded(
      Math.abs(value)
        .toFixed(places + BEYOND)
        .replace(".", ""),
    ).padStart(places + 1, "0");
    const whole = digits.slice(0, digits.length - places);
    return sign(value) + (places ? `${whole}.${digits.slice(-places)}` : whole);
  };

  /* Python's f"{value:.{precision}g}". */
  const general = (value, precision) => {
    if (value === 0) return `${sign(value)}0`;
    const [mantissa, power] = Math.abs(value)
      .toExponential(precision - 1 + BEYOND)
      .split("e");
    let exponent = Number(power);
    let digits = rounded(mantissa.replace(".", ""));
    if (digits.length > precision) {
      digits = digits.slice(0, precision);
      exponent += 1;
    }
    const bare = (text) => text.replace(/(\.\d*?)0*$/, "$1").replace(/\.$/, "");
    if (exponent < -4 || exponent >= precision) {
      const shown = bare(`${digits[0]}.${digits.slice(1)}`);
      return `${sign(value)}${shown}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
    }
    if (exponent < 0) return sign(value) + bare(`0.${"0".repeat(-exponent - 1)}${digits}`);
    return sign(value) + bare(`${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`);
  };

  const fourDigits = (value) => (Math.abs(value) >= 1000 ? fixed(value, 0) : general(value, 4));

  /* `ns` in the unit it reads best in, with at most four significant digits: `212 ms`. */
  const duration = (ns) => {
    const size = Math.abs(ns);
    for (let i = 0; i < UNITS.length - 1; i += 1) {
      const [unit, name] = UNITS[i];
      const larger = UNITS[i + 1][0];
      if (size < larger && Number(general(size / unit, 4)) * unit < larger) return `${fourDigits(ns / unit)} ${name}`;
    }
    return `${fourDigits(ns / 60e9)} min`;
  };

  /* A fraction in percent: `4.2 %`. */
  const share = (fraction) => {
    const percent = 100 * fraction;
    const whole = Math.abs(percent) >= 10 || Number(fixed(percent, 1)) === Number(fixed(percent, 0));
    return `${fixed(percent, whole ? 0 : 1)} %`;
  };

  /* A relative change, signed: `+4.2 %`; from three times on, or where asked for, as a factor: `3.4x`. */
  const change = (fraction, asFactor = false) => {
    if (asFactor || fraction >= FACTOR_FROM) return `${general(1 + fraction, 3)}x`;
    const shown = share(Math.abs(fraction));
    return `${fraction < 0 && shown !== share(0) ? "-" : "+"}${shown}`;
  };

  /* The smallest slowdown that would have been caught: `>= 18 %`, `>= 3.4x`. */
  const caught = (fraction) => {
    if (fraction === null) return "none";
    return fraction >= FACTOR_FROM ? `>= ${general(1 + fraction, 2)}x` : `>= ${share(fraction)}`;
  };

  /* A 95 % interval of a change: `-2.1 % to +9.4 %`. */
  const interval = (low, high) => `${change(low, high >= FACTOR_FROM)} to ${change(high)}`;

  /* `1 step`, `2 steps`. */
  const plural = (count, noun) => {
    const ending = noun.endsWith("ch") ? "es" : "s";
    return `${count} ${noun}${count === 1 ? "" : ending}`;
  };

  const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  const escaped = (character) => {
    const code = character.codePointAt(0);
    if (NAMED[character]) return NAMED[character];
    if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
  };

  /* `text` with all that could turn a line around or hide in it (controls, bidi marks, …) as visible escapes. */
  const printable = (text) => String(text).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, escaped);

  return { duration, share, change, caught, interval, plural, printable, fixed, general };
})();
