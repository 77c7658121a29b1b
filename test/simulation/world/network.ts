import { Code, ConnectError, type Transport, type UnaryResponse } from "@connectrpc/connect";
import { methodPolicy } from "@parley/contract";
import { markDeliveryStatus } from "@parley/rpc/client";
import { type Faults, slowMsMax } from "./faults.ts";
import type { History } from "./history.ts";
import type { Life } from "./life.ts";
import type { PassPoint } from "./points.ts";
import type { Randomness } from "./randomness.ts";
import { serviceOf } from "./seams.ts";
import type { SimulatedTime } from "./simulated-time.ts";

/** The network between processes: messages are delayed, lost, duplicated and reordered. */
export interface Network {
  /** Routes calls to `server` to this process. */
  serve(server: Life, transport: Transport): void;
  /** Refuses further calls to this process. */
  close(server: Life): void;
  /** A process's transport to a service. The call goes to a process of the service that is alive when it arrives. */
  connect(caller: Life, serverName: string): Transport;
  /** Breaks all connections: no message that is on its way is delivered. */
  cutAll(): void;
  /** Messages in flight. */
  readonly inFlight: number;
}

export interface NetworkOptions {
  readonly time: SimulatedTime;
  readonly random: Randomness;
  readonly history: History;
  /** The current faults. */
  readonly faults: () => Faults;
  readonly passPoint: PassPoint;
}

interface Server {
  readonly life: Life;
  readonly transport: Transport;
}

type Unary = Parameters<Transport["unary"]>;
type Answer = UnaryResponse;

export function createNetwork(options: NetworkOptions): Network {
  const { time, random, history, faults, passPoint } = options;
  const servers = new Map<string, Server>();
  let inFlight = 0;
  let callCount = 0;
  let cutCount = 0;

  /** Delivers a message. Its outcome is reported once, later, or never. */
  function carry(what: string, { arrive, breakOff }: { arrive(): void; breakOff(): void }): void {
    const { lost, silent, slow } = faults();
    const fate = random.next();
    if (fate < silent) {
      history.note(`${what} is lost, unnoticed`);
      return;
    }
    const isLost = fate < silent + lost;
    const delayMs = fate > 1 - slow ? slowMsMax * random.next() : wayMs(random);
    if (isLost) history.note(`${what} is lost`);
    inFlight++;
    const cutsBefore = cutCount;
    time.after(delayMs, () => {
      inFlight--;
      if (isLost || cutCount > cutsBefore) breakOff();
      else arrive();
    });
  }

  /** The processes of a service that accept calls. */
  function alive(serviceName: string): readonly Server[] {
    return [...servers.values()].filter(({ life }) => life.isAlive && serviceOf(life.name) === serviceName);
  }

  function connect(caller: Life, serverName: string): Transport {
    function unary(...[method, signal, timeoutMs, header, input]: Unary): Promise<Answer> {
      return new Promise((resolve, reject) => {
        const name = `${caller.name} → ${serverName} ${method.name}${sizeOf(input)} #${++callCount}`;
        passPoint(caller, `call ${method.name}`);
        if (!caller.isAlive) return;
        history.note(name);
        let isSettled = false;
        const settle = (how: () => void) =>
          caller.whenRunning(() => {
            if (isSettled) return;
            isSettled = true;
            how();
          });
        const breakOff = () => settle(() => reject(brokenConnection()));
        const cancellation = createCancellation();
        signal?.addEventListener("abort", () => carry(`${name} cancel`, { arrive: cancellation.ask, breakOff() {} }));
        if (alive(serverName).length === 0) {
          history.note(`${name} is refused: its process is down`);
          // A host that is down does not respond, so the caller learns late that it is unreachable.
          const delayMs = random.chance(faults().lateRefusal) ? slowMsMax * random.next() : wayMs(random);
          time.after(delayMs, () => settle(() => reject(refusedConnection())));
          return;
        }
        const call: Unary = [method, cancellation.signal, timeoutMs, header, input];
        const deliver = (copy: string) => {
          arrive(call, {
            serverName,
            name: `${name}${copy}`,
            breakOff,
            resolve: (answer) => settle(() => resolve(answer)),
            reject: (error) => settle(() => reject(error)),
          });
          cancellation.callArrived();
        };
        carry(name, { arrive: () => deliver(""), breakOff });
        if (mayRepeat(call) && random.chance(faults().repeated))
          carry(`${name} copy`, { arrive: () => deliver(" copy"), breakOff() {} });
      });
    }
    return { unary: unary as Transport["unary"], stream: () => Promise.reject(noStreams()) };
  }

  function arrive(call: Unary, caller: Caller): void {
    const found = alive(caller.serverName);
    const server = found.length > 1 ? random.pick(found) : found[0];
    if (server === undefined) {
      caller.breakOff();
      return;
    }
    const { life, transport } = server;
    const { name: methodName } = call[0];
    const forget = life.onDeath(() =>
      carry(`${caller.name} break`, { arrive: caller.breakOff, breakOff: caller.breakOff }),
    );
    const answer = (outcome: string, hand: () => void) => {
      if (!life.isAlive) return;
      passPoint(life, `answer ${methodName}`);
      if (!life.isAlive) return;
      forget();
      history.note(`${caller.name} ← ${outcome}`);
      carry(`${caller.name} answer`, { arrive: hand, breakOff: caller.breakOff });
    };
    life.whenRunning(() =>
      transport.unary(...call).then(
        (response) => answer("OK", () => caller.resolve(response as Answer)),
        (error: unknown) => {
          const failure = ConnectError.from(error);
          answer(Code[failure.code], () => caller.reject(markDeliveryStatus(failure, "answered")));
        },
      ),
    );
  }

  return {
    serve(life, transport) {
      servers.set(life.name, { life, transport });
    },
    close(life) {
      if (servers.get(life.name)?.life === life) servers.delete(life.name);
    },
    connect,
    cutAll() {
      cutCount++;
    },
    get inFlight() {
      return inFlight;
    },
  };
}

interface Caller {
  readonly serverName: string;
  /** The call's name in the history. */
  readonly name: string;
  breakOff(): void;
  resolve(answer: Answer): void;
  reject(error: ConnectError): void;
}

/** A caller's cancellation, which cannot overtake its call. */
function createCancellation() {
  const controller = new AbortController();
  let [isAsked, hasArrived] = [false, false];
  const look = () => {
    if (isAsked && hasArrived) controller.abort();
  };
  return {
    signal: controller.signal,
    ask() {
      isAsked = true;
      look();
    },
    callArrived() {
      hasArrived = true;
      look();
    },
  };
}

/** Whether the contract allows intermediaries to retry the call. */
function mayRepeat([method, , , , input]: Unary): boolean {
  const { repeatable } = methodPolicy(method);
  return repeatable === "with-request-id" ? "requestId" in input && input.requestId !== "" : repeatable === "always";
}

/** The number of calls in a batch, for the history. */
function sizeOf(input: Unary[4]): string {
  return "requests" in input && Array.isArray(input.requests) ? ` of ${input.requests.length}` : "";
}

/** The normal delay of a message: mostly under a millisecond, sometimes ten. */
function wayMs(random: Randomness): number {
  const draw = random.next();
  return 0.1 + 10 * draw ** 4;
}

function brokenConnection(): ConnectError {
  return markDeliveryStatus(new ConnectError("the connection broke", Code.Unavailable), "unknown");
}

function refusedConnection(): ConnectError {
  return markDeliveryStatus(new ConnectError("connection refused", Code.Unavailable), "unreachable");
}

function noStreams(): ConnectError {
  return new ConnectError("the simulated network carries no streams", Code.Unimplemented);
}
