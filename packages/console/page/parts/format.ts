import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { formatMoney, type Money } from "@parley/client";

const whole = new Intl.NumberFormat();
const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

export function count(value: number): string {
  return whole.format(value);
}

export function price(money: Money | undefined): string {
  return money === undefined || money.currencyCode === "" ? "–" : formatMoney(money);
}

export function msOf(time: Timestamp | undefined): number {
  return time === undefined ? 0 : Number(time.seconds) * 1_000 + Math.floor(time.nanos / 1_000_000);
}

/** The time of day if it is today, otherwise with the date. */
export function timeText(ms: number): string {
  if (ms === 0) {
    return "–";
  }
  return Date.now() - ms < 12 * 3_600_000 ? clock.format(ms) : day.format(ms);
}

/** The time with milliseconds, for frequent events. */
export function preciseTime(ms: number): string {
  const time = new Date(ms);
  const two = (part: number) => String(part).padStart(2, "0");
  const seconds = `${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, "0")}`;
  return `${two(time.getHours())}:${two(time.getMinutes())}:${seconds}`;
}

export function durationText(ms: number): string {
  if (ms < 1) {
    return `${ms.toFixed(2)} ms`;
  }
  return ms < 1_000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1_000).toFixed(2)} s`;
}

/** The last characters of an id: the first ones of a UUID of version 7 are the time, which ids of one minute share. */
export function shortId(id: string): string {
  return id.length > 13 ? `…${id.slice(-8)}` : id;
}
