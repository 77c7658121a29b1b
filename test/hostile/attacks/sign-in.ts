import { type Attack, type AttackOptions, type AttackReport, type AttackTarget, pause, scaled } from "../attack.ts";

/** How many of the good sign-ins beside the attack may be refused: none of them is at fault. */
const refusedShareMax = 0.05;

const customer = { email: "carol@example.com", password: "a-good-customer" };

/** Requests that cost a password hash each, while another caller signs in. */
function flood(path: string, body: (index: number) => object, perSecond: number) {
  return async ({ urls }: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> => {
    const endMs = performance.now() + Math.max(2_000, 10_000 * scale);
    const underWay: Promise<unknown>[] = [];
    let [sent, signIns, refused] = [0, 0, 0];
    while (performance.now() < endMs && !signal.aborted) {
      underWay.push(post(`${urls.user}${path}`, body(sent++)).catch(() => undefined));
      // Another caller, who knows the password: three a second.
      if (sent % Math.ceil(perSecond / 3) === 0) {
        signIns++;
        underWay.push(
          post(`${urls.user}/user.v1.UserService/Login`, customer).then(
            (status) => status !== 200 && refused++,
            () => refused++,
          ),
        );
      }
      await pause(1_000 / perSecond, signal);
    }
    await Promise.all(underWay);
    const findings = refused > signIns * refusedShareMax ? [`${refused} of ${signIns} right sign-ins refused`] : [];
    return { findings, note: `${sent} requests at ${perSecond}/s, ${signIns} sign-ins` };
  };
}

async function post(url: string, body: object): Promise<number> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(8_000),
  });
  await response.arrayBuffer();
  return response.status;
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
      scaled(50, 1),
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
    // From the good caller's own address, which a lock by address alone would shut out.
    run: flood(
      "/user.v1.UserService/Login",
      (index) => ({ email: `nobody${index}@example.com`, password: "guess" }),
      50,
    ),
  },
];
