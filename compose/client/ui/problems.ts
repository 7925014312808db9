import type { Problem } from "../state/types";
import { t } from "../words";

/** Says what went wrong in words of the page's language, with the server's own where they help. */
export function problemText(problem: Problem | null | undefined): string {
  if (!problem) return "";
  const { status, detail, title } = problem;
  if (status === 0) return t("problem_network");
  if (status === 401) return t("problem_signin");
  if (status === 403) return t("problem_forbidden");
  if (status === 404 || status === 410) return t("problem_gone");
  if (status === 413) return t("problem_large");
  if (status === 429 || status >= 500) return t("problem_later");
  return t("problem_other", { text: detail || title });
}

/** Says why something waits, and that it is tried again. */
export function waitsFor(problem: Problem): string {
  const { status } = problem;
  const text = problemText(problem);
  return status === 0 || status === 429 || status >= 500 ? `${text} ${t("tried_again")}` : text;
}
