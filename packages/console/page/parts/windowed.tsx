import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/**
 * A virtual list: only the visible rows are in the document, so that ten thousand rows cost as much as forty. All rows have the same height. The
 * arrow keys move between rows, Enter opens one.
 */
export function Windowed<T>({
  items,
  rowHeight,
  label,
  keyOf,
  selected,
  onSelect,
  onScrolled,
  children,
}: {
  readonly items: readonly T[];
  readonly rowHeight: number;
  readonly label: string;
  readonly keyOf: (item: T) => number | string;
  readonly selected?: number | string | undefined;
  readonly onSelect: (item: T) => void;
  /** Called with whether the list is scrolled away from its top. */
  readonly onScrolled?: (scrolled: boolean) => void;
  readonly children: (item: T) => JSX.Element;
}): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  useEffect(() => {
    const element = place.current;
    if (element === null) {
      return;
    }
    const look = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(view.top / rowHeight) - overscan);
  const last = Math.min(items.length, Math.ceil((view.top + view.height) / rowHeight) + overscan);
  const move = (by: number) => {
    const index = items.findIndex((item) => keyOf(item) === selected);
    const next = items[Math.max(0, Math.min(items.length - 1, index + by))];
    if (next !== undefined) {
      onSelect(next);
      const top = Math.max(0, items.indexOf(next) * rowHeight);
      const element = place.current;
      if (element !== null && (top < element.scrollTop || top + rowHeight > element.scrollTop + element.clientHeight)) {
        element.scrollTop = top - element.clientHeight / 2;
      }
    }
  };
  return (
    <div
      ref={place}
      class="windowed"
      role="listbox"
      aria-label={label}
      tabIndex={0}
      onScroll={(event) => {
        const { scrollTop, clientHeight } = event.currentTarget;
        setView({ top: scrollTop, height: clientHeight });
        onScrolled?.(scrollTop > 0);
      }}
      onKeyDown={(event) => {
        const by = steps[event.key];
        if (by !== undefined) {
          event.preventDefault();
          move(by);
        }
      }}
    >
      <div class="windowed-all" role="presentation" style={{ height: `${items.length * rowHeight}px` }}>
        <div role="presentation" style={{ transform: `translateY(${first * rowHeight}px)` }}>
          {items.slice(first, last).map((item, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the list itself handles the keys.
            // biome-ignore lint/a11y/useFocusableInteractive: the list itself receives the focus.
            <div
              // Keyed by position: when items move down, their elements are reused, and only their texts change.
              key={index}
              role="option"
              aria-selected={keyOf(item) === selected}
              class="windowed-row"
              style={{ height: `${rowHeight}px` }}
              onClick={() => onSelect(item)}
            >
              {children(item)}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}

/** The number of rows rendered beyond both ends, so that scrolling shows no gap. */
const overscan = 8;

const steps: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15 };
