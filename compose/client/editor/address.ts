/** The longest address of an embed, in bytes. An address of a URL has as many characters. */
export const maxURL = 2048;

/** Returns the address of a page if text is one and nothing else. It has no name and password, which would be published. */
export function webAddress(text: string): string | null {
  if (!/^https?:\/\/[^\s<>"\\^`{|}]+$/i.test(text)) return null;
  try {
    const url = new URL(text);
    if (url.hostname === "" || url.username !== "" || url.password !== "") return null;
    return url.href;
  } catch {
    return null;
  }
}
