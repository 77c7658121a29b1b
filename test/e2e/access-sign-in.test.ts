import { services } from "@parley/cli";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { admin, signIn, signUp, testPassword } from "./access-callers.ts";
import { npmStart, type RunningStack } from "./running-stack.ts";

let stack: RunningStack;
let aliceId: string;
let bobId: string;

const urlOf = (name: string) => {
  const port = services.find((service) => service.name === name)?.port ?? Number.NaN;
  return `http://127.0.0.1:${port + stack.portOffset}`;
};

beforeAll(async () => {
  // The tests set the client's address with forwarding headers, as a proxy in front of the gateway does.
  stack = await npmStart(["--only", "user,gateway"], { ...admin, AUTH: "required", TRUST_PROXY: "true" });
  aliceId = await signUp(urlOf("gateway"), "alice@example.com");
  bobId = await signUp(urlOf("gateway"), "bob@example.com");
  await signUp(urlOf("gateway"), "charlie@example.com");
}, 90_000);
afterAll(() => stack?.dispose());

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: {
    readonly accessToken?: string;
    readonly refreshToken?: string;
    readonly error?: { readonly status: string; readonly message: string; readonly details: { reason?: string }[] };
  };
}

async function post(url: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return {
    status: answer.status,
    retryAfter: answer.headers.get("retry-after"),
    body: (await answer.json()) as Answer["body"],
  };
}

const reasonIn = ({ body }: Answer) => body.error?.details.find(({ reason }) => reason !== undefined)?.reason;

function login(email: string, password: string, from = "192.0.2.1"): Promise<Answer> {
  return post(`${urlOf("gateway")}/users:login`, { email, password }, { "x-forwarded-for": from });
}

describe("signing in through the gateway", () => {
  const get = (path: string, token: string) =>
    fetch(`${urlOf("gateway")}${path}`, { headers: { authorization: `Bearer ${token}` } });

  test("returns a token with access to the user's own resources, and no others", async () => {
    const { accessToken } = await signIn(urlOf("gateway"), "alice@example.com");
    expect((await get(`/users/${aliceId}`, accessToken)).status).toBe(200);
    expect((await get(`/users/${bobId}`, accessToken)).status).toBe(403);
    expect((await get("/users", accessToken)).status).toBe(403);
  });

  test("returns a token with access to everything for the admin of the settings", async () => {
    const { accessToken } = await signIn(urlOf("gateway"), admin.ADMIN_EMAIL, admin.ADMIN_PASSWORD);
    expect((await get("/users", accessToken)).status).toBe(200);
  });

  test("allows one refresh per refresh token; a second use revokes the whole session", async () => {
    const refresh = (refreshToken = "") => post(`${urlOf("gateway")}/users:refresh`, { refreshToken });
    const { refreshToken: first } = await signIn(urlOf("gateway"), "alice@example.com");
    const second = await refresh(first);
    expect((await get(`/users/${aliceId}`, second.body.accessToken ?? "")).status).toBe(200);
    const again = await refresh(first);
    expect([again.status, reasonIn(again)]).toEqual([401, "REFRESH_TOKEN_ENDED"]);
    expect((await refresh(second.body.refreshToken)).status).toBe(401);
  });

  test("ends with a logout, which reveals nothing about a wrong token", async () => {
    const { refreshToken } = await signIn(urlOf("gateway"), "alice@example.com");
    expect((await post(`${urlOf("gateway")}/users:logout`, { refreshToken })).status).toBe(200);
    expect((await post(`${urlOf("gateway")}/users:logout`, { refreshToken: "made up" })).status).toBe(200);
    expect((await post(`${urlOf("gateway")}/users:refresh`, { refreshToken })).status).toBe(401);
  });
});

describe("guessing passwords", () => {
  /** Failed attempts that cause no delay. */
  const freeFailures = { account: 5, address: 20 };

  /** Repeats attempts until one is delayed. On a slow machine the first delays may be over before the next attempt. */
  async function untilSlowed(attempt: (n: number) => Promise<Answer>): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    while (answers.length < 40 && answers.at(-1)?.status !== 429) {
      answers.push(await attempt(answers.length));
    }
    return answers;
  }

  test("is slowed by account, whether or not the account exists", async () => {
    const known = await untilSlowed((n) => login("bob@example.com", "guess", `192.0.2.${n + 10}`));
    // Even the right password is refused until the delay is over, and other accounts are not delayed.
    expect((await login("bob@example.com", testPassword, "192.0.2.50")).status).toBe(429);
    expect((await login("charlie@example.com", testPassword, "192.0.2.50")).status).toBe(200);
    const unknown = await untilSlowed((n) => login("nobody@example.com", "guess", `192.0.2.${n + 50}`));
    const [first, slowed] = [known[0], known.at(-1)] as [Answer, Answer];
    expect(known.length).toBeGreaterThan(freeFailures.account);
    expect([reasonIn(first), reasonIn(slowed)]).toEqual(["WRONG_CREDENTIALS", "TOO_MANY_FAILED_LOGINS"]);
    expect(Number(slowed.retryAfter)).toBeGreaterThanOrEqual(1);
    expect([unknown[0], unknown.at(-1)].map(said)).toEqual([first, slowed].map(said));
  });

  test("is slowed by the client's address that the gateway reports", async () => {
    const answers = await untilSlowed((n) => login(`guess-${n}@example.com`, "guess", "198.51.100.1"));
    expect(answers.length).toBeGreaterThan(freeFailures.address);
    expect(reasonIn(answers.at(-1) as Answer)).toBe("TOO_MANY_FAILED_LOGINS");
    expect((await login("charlie@example.com", testPassword, "198.51.100.1")).status).toBe(429);
    expect((await login("charlie@example.com", testPassword, "198.51.100.2")).status).toBe(200);
  });

  test("is slowed by the connection's address without an authenticated gateway", async () => {
    const direct = (n: number) =>
      post(
        `${urlOf("user")}/user.v1.UserService/Login`,
        { email: `direct-${n}@example.com`, password: "guess" },
        { "x-forwarded-for": `203.0.113.${n}`, "x-forwarded-by": "Bearer made-up" },
      );
    const answers = await untilSlowed(direct);
    expect(answers.length).toBeGreaterThan(freeFailures.address);
    expect(answers.at(-1)?.body).toMatchObject({ code: "resource_exhausted" });
  });

  /** The response without its number of remaining seconds. */
  function said(answer: Answer | undefined): unknown {
    return [answer?.status, answer?.body.error?.status, answer?.body.error?.message.replace(/\d+/, "n")];
  }
});
