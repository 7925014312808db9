interface Policy {
  createHTML(html: string): string;
}

interface PolicyFactory {
  createPolicy(name: string, rules: Policy): Policy;
}

let policy: Policy | undefined;

/**
 * Marks HTML as trusted if the page requires that (Trusted Types, `trusted-types motacilla`). This module parses it into
 * documents that run no scripts, and cleans it before it leaves them.
 */
function trusted(html: string): string {
  policy ??= (window as { trustedTypes?: PolicyFactory }).trustedTypes?.createPolicy("motacilla", { createHTML: (s) => s });
  return policy?.createHTML(html) ?? html;
}

/**
 * Parses a post's HTML. Its receiver has sanitised it. What could run a script is taken out all the same, because a page
 * of another site may have no policy that stops it.
 */
export function parsePost(html: string): Element | null {
  const template = document.createElement("template");
  template.innerHTML = trusted(html);
  for (const script of template.content.querySelectorAll("script, base, meta, object, embed, animate, set")) script.remove();
  for (const element of template.content.querySelectorAll("*")) {
    for (const { name, value } of [...element.attributes]) {
      // A browser skips control characters and spaces in a scheme (URL, section 4.4).
      const runs = /^(on|srcdoc$)/.test(name) || /^javascript:/i.test(value.replace(/[\u0000-\u0020]/g, ""));
      if (runs) element.removeAttribute(name);
    }
  }
  return template.content.firstElementChild;
}

/** Parses a whole page of the server. */
export function parsePage(html: string): Document {
  return new DOMParser().parseFromString(trusted(html), "text/html");
}
