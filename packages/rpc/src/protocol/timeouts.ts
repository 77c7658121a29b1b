const msPerUnit: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** The largest number that a `grpc-timeout` holds: 8 digits (gRPC over HTTP/2, "Timeout"). */
const grpcTimeoutMax = 99_999_999;
/** The largest number that a `connect-timeout-ms` holds: 10 digits (Connect protocol, "Timeout"). */
const connectTimeoutMaxMs = 9_999_999_999;

/** Reads a `grpc-timeout`: 1 to 8 digits and one of H M S m u n. In milliseconds; undefined if it cannot be read. */
export function parseGrpcTimeoutMs(value: string): number | undefined {
  const digits = value.length - 1;
  const perUnit = msPerUnit[value.charAt(digits)];
  if (perUnit === undefined || digits < 1 || digits > 8) {
    return undefined;
  }
  const amount = parseDigits(value, digits);
  return amount === undefined ? undefined : amount * perUnit;
}

/** Reads a `connect-timeout-ms`: 1 to 10 digits. In milliseconds; undefined if it cannot be read. */
export function parseConnectTimeoutMs(value: string): number | undefined {
  return value.length < 1 || value.length > 10 ? undefined : parseDigits(value, value.length);
}

/** Writes a `grpc-timeout` in the finest unit that holds it; never more than is left, never less than a nanosecond. */
export function formatGrpcTimeout(timeoutMs: number): string {
  if (timeoutMs >= 1) {
    if (timeoutMs <= grpcTimeoutMax) {
      return `${Math.floor(timeoutMs)}m`;
    }
    for (const unit of ["S", "M", "H"]) {
      const amount = Math.floor(timeoutMs / (msPerUnit[unit] ?? 1));
      if (amount <= grpcTimeoutMax) {
        return `${amount}${unit}`;
      }
    }
    return `${grpcTimeoutMax}H`;
  }
  return `${Math.max(1, Math.floor(timeoutMs * 1e6))}n`;
}

/** Writes a `connect-timeout-ms`: whole milliseconds, never more than is left, never negative. */
export function formatConnectTimeout(timeoutMs: number): string {
  return String(Math.min(connectTimeoutMaxMs, Math.max(0, Math.floor(timeoutMs))));
}

function parseDigits(value: string, count: number): number | undefined {
  let amount = 0;
  for (let i = 0; i < count; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) {
      return undefined;
    }
    amount = amount * 10 + digit;
  }
  return amount;
}
