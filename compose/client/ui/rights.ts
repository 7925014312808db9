import type { Invitation, Person, Right, Role } from "../state/types";
import { t } from "../words";

export const roles: Role[] = ["reader", "contributor", "editor", "admin"];

/** A right in words, such as "Editor on match-*". Patterns are read from left to right in every language. */
export function rightText({ role, channels }: Right): string {
  if (!channels?.length) return t("right_all", { role: t(`role_${role}`) });
  return t("right_some", { role: t(`role_${role}`), channels: channels.map((c) => `\u2066${c}\u2069`).join(", ") });
}

/** Who made something: the name of a person of the list, or what the server calls it; empty if that was the server's own token. */
export function makerName(by: string | undefined, people: Person[]): string {
  if (!by?.includes("/")) return "";
  return people.find((p) => p.who === by)?.name ?? by.replace(/^\w+\//, "");
}

/** What an open link is for. */
export function invitationTitle({ kind, name, login }: Invitation): string {
  if (kind === "reset") return t("invitation_reset", { name: name || login || "" });
  return name || login || t("invitation_unnamed");
}

/** A right as its fields have it. */
export interface RightField {
  role: Role;
  some: boolean;
  channels: string;
}

export const newField: RightField = { role: "editor", some: false, channels: "" };

export function toFields(rights: Right[]): RightField[] {
  return rights.map(({ role, channels = [] }) => ({ role, some: channels.length > 0, channels: channels.join(", ") }));
}

/** No ID has a space or a comma. null: a right on some channels names none. */
export function fromFields(fields: RightField[]): Right[] | null {
  const rights = fields.map(({ role, some, channels }): Right => (some ? { role, channels: channels.split(/[\s,،、]+/).filter(Boolean) } : { role }));
  return rights.some((r) => r.channels?.length === 0) ? null : rights;
}
