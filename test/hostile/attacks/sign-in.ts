import { request } from "node:http";
import { type Attack, type AttackOptions, type AttackReport, type AttackTarget, pause } from "../attack.ts";

/** The maximum share of valid sign-ins that may be refused during the attack. */
const refusedShareMax = 0.05;

const answerMaxMs = 8_000;
/** Failed guesses block the attacker's address only; other addresses must not be affected. */
const otherAddress = "127.0.0.3";
const customer = { email: "carol@example.com", password: "a-good-customer" };

/** Requests that cost a password hash each, while another caller signs in. */
function flood(path: string, body: (index: number) => object, perSecond: number) {
  return async ({ urls }: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> => {
    const endMs = performance.now() + Math.max(2_000, 10_000 * scale);
    const inFlight: Promise<unknown>[] = [];
    let [sent, signIns, refused] = [0, 0, 0];
    while (performance.now() < endMs && !signal.aborted) {
      inFlight.push(post(`${urls.user}${path}`, body(sent++)));
      // Another caller with the right password signs in three times a second.
      if (sent % Math.ceil(perSecond / 3) === 0) {
        signIns++;
        const signedIn = post(`${urls.user}/user.v1.UserService/Login`, customer, otherAddress);
        inFlight.push(
          signedIn.then((status) => {
            if (status !== 200) refused++;
          }),
        );
      }
      await pause(1_000 / perSecond, signal);
    }
    await Promise.all(inFlight);
    const findings = refused > signIns * refusedShareMax ? [`${refused} of ${signIns} right sign-ins refused`] : [];
    return { findings, note: `${sent} requests at ${perSecond}/s, ${signIns} sign-ins` };
  };
}

/** The status of the response. 0 if there is none in time. */
function post(url: string, body: object, localAddress = "127.0.0.1"): Promise<number> {
  return new Promise((resolve) => {
    const made = request(url, {
      method: "POST",
      agent: false,
      localAddress,
      headers: { "content-type": "application/json" },
      signal: AbortSignal.timeout(answerMaxMs),
    });
    made.on("error", () => resolve(0));
    made.on("response", (response) => {
      response.resume().on("close", () => resolve(response.statusCode ?? 0));
    });
    made.end(JSON.stringify(body));
  });
}

export const signIn: readonly Attack[] = [
  {
    name: "sign-in/sign-ups",
    victim: "user",
    run: flood(
      "/user.v1.UserService/CreateUser",
      (index) => ({
        name: "Mallory",
        email: `m${process.pid}-${Date.now()}-${index}@example.com`,
        password: "mallory's password",
      }),
      50,
    ),
  },
  {
    name: "sign-in/sign-ups-with-a-taken-address",
    victim: "user",
    run: flood("/user.v1.UserService/CreateUser", () => ({ name: "Mallory", ...customer }), 50),
  },
  {
    name: "sign-in/guesses-at-unknown-accounts",
    victim: "user",
    run: flood(
      "/user.v1.UserService/Login",
      (index) => ({ email: `nobody${index}@example.com`, password: "guess" }),
      50,
    ),
  },
];
