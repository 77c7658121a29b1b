import { describe, expect, it } from "vitest";
import { type Linked, LinkedList } from "./linked-list.ts";

class Entry implements Linked<Entry> {
  readonly name: string;
  previous: Entry | undefined;
  next: Entry | undefined;
  listed = false;

  constructor(name: string) {
    this.name = name;
  }
}

function filled() {
  const list = new LinkedList<Entry>();
  const entries = ["a", "b", "c"].map((name) => new Entry(name));
  for (const entry of entries) {
    list.add(entry);
  }
  return { list, entries, names: () => [...list].map(({ name }) => name).join("") };
}

describe("a linked list", () => {
  it.each([
    [0, "cb"],
    [1, "ca"],
    [2, "ba"],
  ])("removes entry %d and its links", (index, left) => {
    const { list, entries, names } = filled();
    const entry = entries[index] as Entry;
    list.delete(entry);
    expect(names()).toBe(left);
    expect(list.size).toBe(2);
    expect([entry.previous, entry.next, entry.listed]).toEqual([undefined, undefined, false]);
  });

  it("adds an entry once, and removes it once", () => {
    const { list, entries, names } = filled();
    const [first] = entries as [Entry, Entry, Entry];
    list.add(first);
    expect(names()).toBe("cba");
    list.delete(first);
    list.delete(first);
    expect(list.size).toBe(2);
    list.add(first);
    expect(names()).toBe("acb");
  });

  it("allows removal of each entry during iteration", () => {
    const { list } = filled();
    for (const entry of list) {
      list.delete(entry);
    }
    expect(list.size).toBe(0);
  });
});
