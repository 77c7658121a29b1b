import { encodeFields, objectToFields } from "@parley/http2";
import { completeReason } from "../../../call/reason-error.ts";
import { type ContentType, parseContentType } from "../../../protocol/content-types.ts";
import type { Admission, RefusalReason } from "../../admission/admission.ts";
import type { ServedMethod } from "../../pipeline/service-methods.ts";
import { dialects } from "../../wire/dialects.ts";
import type { JsonOptions } from "../../wire/message-codec.ts";

/** The serialized response of a refusal, for both HTTP versions. */
export interface RefusalAnswer {
  readonly http1: {
    readonly status: number;
    /** Alternating names and values. */
    readonly headers: string[];
    /** In Latin-1. */
    readonly body: string;
  };
  readonly http2: {
    readonly headers: Uint8Array;
    readonly body: Uint8Array | undefined;
    readonly trailers: Uint8Array | undefined;
  };
}

/** A cache of serialized refusals. */
export class RefusalAnswers {
  readonly #admission: Admission;
  readonly #json: JsonOptions;
  readonly #answers = new Map<string, Map<string, RefusalAnswer | undefined>>();

  constructor(admission: Admission, json: JsonOptions) {
    this.#admission = admission;
    this.#json = json;
  }

  /** The response to a call of the method with this content type. Undefined for an unknown content type. */
  find(served: ServedMethod, contentType: string, reason: RefusalReason): RefusalAnswer | undefined {
    const known = this.#of(served, reason);
    const answer = known.get(contentType);
    if (answer !== undefined || known.has(contentType)) {
      return answer;
    }
    if (known.size >= answersMax) {
      known.clear();
    }
    const type = parseContentType(contentType);
    const made = type && this.#write(type, served, reason);
    known.set(contentType, made);
    return made;
  }

  #of({ runtime }: ServedMethod, reason: RefusalReason): Map<string, RefusalAnswer | undefined> {
    // The engine allocates no new string for constants that it has concatenated before, so this is cheap enough for each refusal.
    const key = runtime.placeKind === undefined ? reason : refusalKeys[runtime.placeKind] + reason;
    let known = this.#answers.get(key);
    if (known === undefined) {
      known = new Map();
      this.#answers.set(key, known);
    }
    return known;
  }

  #write(type: ContentType, served: ServedMethod, reason: RefusalReason): RefusalAnswer {
    const call = {
      type,
      settings: { json: this.#json },
      createdResponseHeader: undefined,
      createdResponseTrailer: undefined,
    };
    const error = this.#admission.error(served.runtime, reason);
    if (served.runtime.reasonSource.helpUrl !== undefined) {
      completeReason(error, served.runtime.reasonSource);
    }
    const { status, headers, body, trailers } = dialects[type.protocol].fail(
      call as unknown as Parameters<(typeof dialects)["grpc"]["fail"]>[0],
      error,
    );
    return {
      http1: {
        status,
        headers: [...objectToFields(headers), "content-length", String(body?.length ?? 0)],
        body: Buffer.from(body ?? []).toString("latin1"),
      },
      http2: {
        headers: encodeFields(objectToFields({ ":status": status, ...headers })),
        body,
        trailers:
          trailers instanceof Uint8Array || trailers === undefined ? trailers : encodeFields(objectToFields(trailers)),
      },
    };
  }
}

const refusalKeys = { unary: "unary ", streams: "streams ", diagnostics: "diagnostics " } as const;

/** The number of cached content types of a reason: the client chooses them, so the cache must be limited. */
const answersMax = 100;
