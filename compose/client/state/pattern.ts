/** Whether text matches a pattern of channels: * is any text, ? any character, [a-z] one of these, \ takes the next as it is. */
export function matches(pattern: string, text: string): boolean {
  let source = "";
  const chars = [...pattern];
  for (let i = 0; i < chars.length; i++) {
    const c = chars[i] as string;
    if (c === "*") source += ".*";
    else if (c === "?") source += ".";
    else if (c === "[") {
      let set = "";
      if (chars[i + 1] === "^") {
        set = "^";
        i++;
      }
      for (i++; i < chars.length && chars[i] !== "]"; i++) {
        if (chars[i] === "\\") i++;
        if (chars[i] === "-") set += chars[i - 1] === "\\" ? "\\-" : "-";
        else set += escaped(chars[i] ?? "");
      }
      source += `[${set}]`;
    } else source += escaped(c === "\\" ? (chars[++i] ?? "") : c);
  }
  try {
    return new RegExp(`^(?:${source})$`, "su").test(text);
  } catch {
    return false;
  }
}

/** A hyphen outside of a set must not be escaped: that is an error of the expression. */
function escaped(c: string): string {
  return c.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
