import { ConnectionError, errorCode, tableBytesDefault } from "../frames/constants.ts";
import { PeerLimitError } from "../peer-work.ts";
import { readHuffman } from "./huffman.ts";
import { staticTable } from "./static-table.ts";

/** A decoded header block. */
export interface HeaderBlock {
  /** Names and values in turn, in the order of the block. */
  readonly fields: readonly string[];
  /** Whether a name or a value has invalid characters (RFC 9113, section 8.2.1). */
  readonly malformed: boolean;
  /** Whether it exceeded the limit. Fields beyond it are dropped. */
  readonly tooLarge: boolean;
  /** The cost beyond that of a block with a usual number of fields, in units of {@link PeerWork.overhead}. */
  readonly units: number;
}

/** The overhead of a field in the table and in the list (RFC 7541, section 4.1). */
const fieldOverheadBytes = 32;
/**
 * An oversized block is still decoded, to update the table, up to this multiple of the limit. Beyond that the connection
 * ends: an indexed field of one byte can expand to the table's 4 KiB.
 */
const readOnFactor = 4;
/** The usual maximum of a request's fields. */
const fieldsPerUnit = 64;
/** A peer that got two sizes since its last block sends both (RFC 7541, section 4.2). */
const tableUpdatesMax = 2;
/** The size of the dynamic table that we allow the peer: the default. */
const tableBytesMax = tableBytesDefault;

/**
 * Decodes header blocks (HPACK, RFC 7541). One for each connection, since a block depends on those before it. Throws a
 * {@link ConnectionError} for undecodable blocks: the connection cannot continue after that.
 */
export class HeaderDecoder {
  readonly #listBytesMax: number;
  /** The dynamic table, oldest first; entries before {@link #evicted} are gone. */
  #entries: Entry[] = [];
  #evicted = 0;
  #tableBytes = 0;
  #tableBytesMax = tableBytesMax;
  #bytes: Buffer = noBytes;
  #at = 0;
  #end = 0;
  #malformed = false;

  constructor(listBytesMax: number) {
    this.#listBytesMax = listBytesMax;
  }

  read(bytes: Buffer, start = 0, end: number = bytes.length): HeaderBlock {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#malformed = false;
    const fields: string[] = [];
    let listBytes = 0;
    let count = 0;
    let updates = 0;
    while (this.#at < end) {
      const entry = this.#readField(count === 0);
      if (entry === undefined) {
        if (++updates > tableUpdatesMax) {
          throw broken("too many dynamic table size updates");
        }
      } else {
        count++;
        listBytes += entry.bytes;
        if (listBytes > this.#listBytesMax * readOnFactor) {
          throw new PeerLimitError("header_fields", "a header block is far larger than HEADER_BYTES_MAX allows");
        }
        this.#malformed ||= entry.malformed;
        if (listBytes <= this.#listBytesMax) {
          fields.push(entry.name, entry.value);
        }
      }
    }
    this.#bytes = noBytes;
    const units = Math.floor(count / fieldsPerUnit) + updates;
    return { fields, malformed: this.#malformed, tooLarge: listBytes > this.#listBytesMax, units };
  }

  /** One field, or undefined for a size update, which may come only before all fields (RFC 7541, section 4.2). */
  #readField(first: boolean): Entry | undefined {
    const byte = this.#bytes[this.#at] ?? 0;
    if (byte >= 0x80) {
      return this.#entry(this.#readNumber(7));
    }
    if (byte >= 0x40) {
      const entry = this.#readLiteral(6);
      this.#add(entry);
      return entry;
    }
    if (byte < 0x20) {
      return this.#readLiteral(4);
    }
    const size = this.#readNumber(5);
    if (!first || size > tableBytesMax) {
      throw broken("invalid dynamic table size update");
    }
    this.#tableBytesMax = size;
    this.#evict();
    return undefined;
  }

  #readLiteral(prefixBits: number): Entry {
    const index = this.#readNumber(prefixBits);
    let malformed = false;
    let name: string;
    if (index === 0) {
      name = this.#readString();
      malformed = !isName(name);
    } else {
      const entry = this.#entry(index);
      name = entry.name;
      malformed = entry.malformed && !isName(name);
    }
    const value = this.#readString();
    return {
      name,
      value,
      bytes: name.length + value.length + fieldOverheadBytes,
      malformed: malformed || valueForbidden.test(value),
    };
  }

  #entry(index: number): Entry {
    const known = index < staticEntries.length ? staticEntries[index] : this.#dynamic(index - staticEntries.length);
    if (known === undefined) {
      throw broken("an index is not in the static or the dynamic table");
    }
    return known;
  }

  #dynamic(age: number): Entry | undefined {
    const index = this.#entries.length - 1 - age;
    return index < this.#evicted ? undefined : this.#entries[index];
  }

  #add(entry: Entry): void {
    this.#tableBytes += entry.bytes;
    this.#entries.push(entry);
    this.#evict();
  }

  #evict(): void {
    while (this.#tableBytes > this.#tableBytesMax) {
      this.#tableBytes -= this.#entries[this.#evicted]?.bytes ?? 0;
      this.#evicted++;
    }
    if (this.#evicted > 64) {
      this.#entries = this.#entries.slice(this.#evicted);
      this.#evicted = 0;
    }
  }

  /** An integer with a prefix of this many bits (RFC 7541, section 5.1). */
  #readNumber(prefixBits: number): number {
    const max = (1 << prefixBits) - 1;
    let value = (this.#bytes[this.#at++] ?? 0) & max;
    if (value < max) {
      return value;
    }
    for (let shift = 0; ; shift += 7) {
      if (this.#at >= this.#end || shift > 21) {
        throw broken("an integer is too long or truncated");
      }
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) {
        return value;
      }
    }
  }

  #readString(): string {
    if (this.#at >= this.#end) {
      throw broken("a string literal is missing");
    }
    const huffman = (this.#bytes[this.#at] ?? 0) >= 0x80;
    const length = this.#readNumber(7);
    const start = this.#at;
    const end = start + length;
    if (end > this.#end) {
      throw broken("a string literal is truncated");
    }
    this.#at = end;
    return huffman ? readHuffman(this.#bytes, start, end) : this.#bytes.toString("latin1", start, end);
  }
}

interface Entry {
  readonly name: string;
  readonly value: string;
  readonly bytes: number;
  readonly malformed: boolean;
}

const noBytes = Buffer.alloc(0);

/** By index; index 0 is unused. */
const staticEntries: readonly (Entry | undefined)[] = [
  undefined,
  ...staticTable.map(([name, value]) => ({
    name,
    value,
    bytes: name.length + value.length + fieldOverheadBytes,
    malformed: false,
  })),
];

/** Lower-case tokens (RFC 9110, section 5.6.2), or pseudo-headers. */
const namePattern = /^:?[!#$%&'*+.^_`|~0-9a-z-]+$/;

function isName(name: string): boolean {
  return namePattern.test(name);
}

/** Invalid characters of a value (RFC 9113, section 8.2.1). */
const valueForbidden = /[\0\r\n]|^[ \t]|[ \t]$/;

function broken(why: string): ConnectionError {
  return new ConnectionError(`a header block cannot be decoded: ${why}`, errorCode.compression);
}
