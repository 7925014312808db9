/** Returns the last element. */
export function last<T>(list: readonly T[]): T | undefined {
  return list[list.length - 1];
}
