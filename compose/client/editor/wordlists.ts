import { last } from "./last";

interface Open {
  list: HTMLElement;
  numbers: boolean;
}

/** Makes lists of items that come one after the other, each with its level. Word writes lists so. */
export class ListBuilder {
  private stack: Open[] = [];

  constructor(private readonly box: HTMLElement) {}

  /** Returns the element of a new item. start is the number that it has. */
  place(level: number, numbers: boolean, start: string | null): HTMLElement {
    const { stack } = this;
    stack.length = Math.min(stack.length, level);
    const end = last(stack);
    if (end && stack.length === level && end.numbers !== numbers) stack.pop();
    const document = this.box.ownerDocument;
    if (stack.length < level) { // a level that Word left out is not made
      const parent = (last(stack)?.list.lastElementChild as HTMLElement | null | undefined) ?? this.box;
      const list = document.createElement(numbers ? "ol" : "ul");
      if (numbers && start !== null && /^\d{1,9}$/.test(start) && start !== "1") list.setAttribute("start", start);
      parent.append(list);
      stack.push({ list, numbers });
    }
    const item = document.createElement("li");
    (last(stack) as Open).list.append(item);
    return item;
  }

  /** Ends the lists: what comes next is something else. */
  end(): void {
    this.stack = [];
  }
}
