/**
 * Makes a table's rows equally long. Cells that span others stay so if the table is a whole with them, and span nothing
 * otherwise. Rows and columns of empty cells at the end go: spreadsheets copy them.
 */
export function tidy(table: HTMLElement, body: HTMLElement): void {
  const rows = (): HTMLElement[] => [...body.children] as HTMLElement[];
  for (const row of rows()) if (!row.firstChild) row.remove();
  while (body.lastElementChild && isEmpty(body.lastElementChild) && !table.querySelector("[rowspan]")) body.lastElementChild.remove();
  if (rows().length === 0) return table.replaceChildren();
  if (table.querySelector("[rowspan], [colspan]")) {
    if (isWhole(rows())) return;
    for (const cell of table.querySelectorAll("[rowspan], [colspan]")) {
      cell.removeAttribute("rowspan");
      cell.removeAttribute("colspan");
    }
  }
  let width = 0;
  for (const row of rows()) {
    const filled = [...row.children].reduce((n, cell, i) => (isEmpty(cell) ? n : i + 1), 0);
    width = Math.max(width, filled);
  }
  for (const row of rows()) {
    while (row.children.length > width) row.lastElementChild?.remove();
    while (row.children.length < width) row.append(table.ownerDocument.createElement("td"));
  }
}

const isEmpty = (element: Element): boolean => (element.textContent ?? "").trim() === "";

/** Reports whether cells fill a rectangle, none over another. */
function isWhole(rows: HTMLElement[]): boolean {
  const taken: boolean[][] = rows.map(() => []);
  for (const [y, row] of rows.entries()) {
    let x = 0;
    for (const cell of row.children) {
      while (taken[y]?.[x]) x++;
      const [width, height] = [Number(cell.getAttribute("colspan") ?? 1), Number(cell.getAttribute("rowspan") ?? 1)];
      for (let dy = 0; dy < height; dy++) {
        for (let dx = 0; dx < width; dx++) {
          const line = taken[y + dy];
          if (!line || line[x + dx]) return false;
          line[x + dx] = true;
        }
      }
      x += width;
    }
  }
  const width = taken[0]?.length ?? 0;
  return width > 0 && taken.every((line) => line.length === width && !line.includes(false) && Object.keys(line).length === width);
}
