import { ConnectionError, errorCode } from "../frames/constants.ts";

/** Decodes a Huffman-coded string (RFC 7541, section 5.2). Throws COMPRESSION_ERROR if it is invalid. */
export function readHuffman(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let node = root;
  let bits = 0;
  let bitCount = 0;
  let symbolBits = 0;
  for (let at = start; at < end; at++) {
    bits = ((bits << 8) | (bytes[at] ?? 0)) & 0xffff;
    bitCount += 8;
    symbolBits += 8;
    while (bitCount >= 8) {
      node = next(node, (bits >> (bitCount - 8)) & 0xff);
      if (node.symbol >= 0) {
        text += String.fromCharCode(node.symbol);
        bitCount -= node.bits;
        node = root;
        symbolBits = bitCount;
      } else {
        bitCount -= 8;
      }
    }
  }
  while (bitCount > 0) {
    node = next(node, (bits << (8 - bitCount)) & 0xff);
    if (node.symbol < 0 || node.bits > bitCount) {
      break;
    }
    text += String.fromCharCode(node.symbol);
    bitCount -= node.bits;
    node = root;
    symbolBits = bitCount;
  }
  const padding = (1 << bitCount) - 1;
  // The padding is less than a byte of ones.
  if (symbolBits > 7 || (bits & padding) !== padding) {
    throw broken();
  }
  return text;
}

/** A node of the tree, which descends a byte at a time. */
interface Node {
  /** The symbol, or -1 if more bits are needed. */
  readonly symbol: number;
  /** How many bits of the last byte belong to the symbol. */
  readonly bits: number;
  readonly children: (Node | undefined)[];
}

function next(node: Node, byte: number): Node {
  const found = node.children[byte];
  if (found === undefined) {
    throw broken();
  }
  return found;
}

function broken(): ConnectionError {
  return new ConnectionError("a string literal has an invalid Huffman code", errorCode.compression);
}

/** The code length of each byte (RFC 7541, appendix B). The codes follow from that: shorter ones first, then by byte. */
const codeBits: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26,
];

const root = buildTree();

function buildTree(): Node {
  const top: Node = { symbol: -1, bits: 0, children: [] };
  const symbols = codeBits
    .map((bits, symbol) => ({ bits, symbol }))
    .sort((a, b) => a.bits - b.bits || a.symbol - b.symbol);
  let code = 0;
  let before = 0;
  for (const { bits, symbol } of symbols) {
    code <<= bits - before;
    before = bits;
    place(top, { code, bits, symbol });
    code++;
  }
  return top;
}

function place(
  top: Node,
  { code, bits, symbol }: { readonly code: number; readonly bits: number; readonly symbol: number },
): void {
  let node = top;
  let left = bits;
  while (left > 8) {
    left -= 8;
    const byte = (code >>> left) & 0xff;
    let child = node.children[byte];
    if (child === undefined) {
      child = { symbol: -1, bits: 0, children: [] };
      node.children[byte] = child;
    }
    node = child;
  }
  // The bits after the code in its last byte belong to the next symbol.
  const first = (code << (8 - left)) & 0xff;
  for (let byte = first; byte < first + (1 << (8 - left)); byte++) {
    node.children[byte] = { symbol, bits: left, children: [] };
  }
}
