/** A piece of a text: in both versions, or in one alone. */
export interface Piece {
  text: string;
  in: "both" | "left" | "right";
}

const most = 1_500; // words; longer texts are compared as a whole

/** Compares two texts word by word: the longest common sequence of words is what both have. */
export function compare(left: string, right: string): Piece[] {
  const a = words(left);
  const b = words(right);
  if (left === right) return [{ text: left, in: "both" }];
  if (a.length > most || b.length > most) {
    return [
      { text: left, in: "left" },
      { text: right, in: "right" },
    ];
  }
  const width = b.length + 1;
  const table = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      table[i * width + j] =
        a[i] === b[j]
          ? (table[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(table[(i + 1) * width + j] ?? 0, table[i * width + j + 1] ?? 0);
    }
  }
  const out: Piece[] = [];
  const add = (text: string, side: Piece["in"]): void => {
    const last = out[out.length - 1];
    if (last?.in === side) last.text += text;
    else out.push({ text, in: side });
  };
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      add(a[i]!, "both");
      i++;
      j++;
    } else if (i < a.length && (j === b.length || (table[(i + 1) * width + j] ?? 0) >= (table[i * width + j + 1] ?? 0))) {
      add(a[i++]!, "left");
    } else {
      add(b[j++]!, "right");
    }
  }
  return out;
}

function words(text: string): string[] {
  return text.match(/\s+|[^\s\p{P}]+|\p{P}/gu) ?? [];
}

/** One side of a comparison, with what the other one does not have marked. */
export function Side({ pieces, side }: { pieces: Piece[]; side: "left" | "right" }) {
  return (
    <p class={`side side--${side}`} dir="auto">
      {pieces.map((p, n) => {
        if (p.in === "both") return <span key={n}>{p.text}</span>;
        if (p.in !== side || !p.text) return null;
        return <mark key={n}>{p.text}</mark>;
      })}
    </p>
  );
}
