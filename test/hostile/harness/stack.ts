import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../processes/free-port.ts";
import type { AttackTarget, Auth, ServiceName, TargetKind } from "../attack.ts";
import { startTarget, type TargetProcess } from "./target-process.ts";

/** The platform under attack: user, product, order, notification and the gateway, each in a process with a small heap. */
export interface HostileStack {
  readonly auth: Auth;
  readonly processes: Readonly<Record<"user" | "product" | "order" | "notification" | "gateway", TargetProcess>>;
  /** The attacker's account. */
  readonly userId: string;
  readonly token: string | undefined;
  /** The account of the good client: callers have shares by their identity. */
  readonly goodUserId: string;
  readonly goodToken: string | undefined;
  readonly productId: string;
  /** The target for an attack. */
  target(kind: TargetKind, tlsUrl?: string): AttackTarget;
  /** The processes on the path of a call to the victim. */
  path(kind: TargetKind, victim: ServiceName): readonly TargetProcess[];
  /** A product service with TLS, started on first use. */
  withTls(): Promise<TargetProcess>;
  /** Whether all processes are running. */
  isAlive(): boolean;
  dispose(): Promise<void>;
}

const names = ["user", "product", "order", "notification", "gateway"] as const;
const admin = { email: "root@example.com", password: "let-the-admin-in" };
const customer = { name: "Carol Good", email: "carol@example.com", password: "a-good-customer" };
const attacker = { name: "Mallory Bad", email: "mallory@example.com", password: "a-bad-customer" };
/** Enough for all orders of the runs. */
const stock = 1_000_000_000;

export async function startStack(auth: Auth): Promise<HostileStack> {
  const folder = await mkdtemp(join(tmpdir(), "parley-hostile-"));
  const started: TargetProcess[] = [];
  async function dispose() {
    await Promise.all(started.map((each) => each.kill()));
    await rm(folder, { recursive: true, force: true });
  }
  try {
    const keys = await writeKeys(folder);
    const ports: Record<string, number> = {};
    for (const name of names) ports[name] = await freePort();
    const urls = Object.fromEntries(
      names.map((name) => [`${name.toUpperCase()}_SERVICE_URL`, `http://127.0.0.1:${ports[name]}`]),
    );
    const start = async (name: string, settings: Readonly<Record<string, string>> = {}, tls = false) => {
      const target = await startTarget({
        name,
        main: `packages/${name.replace("-tls", "")}/src/main.ts`,
        folder,
        tls,
        port: ports[name] ?? (await freePort()),
        settings: {
          ...(name === "gateway" ? {} : { DATABASE_URL: `sqlite:${join(folder, `${name}.db`)}` }),
          ...(auth === "required"
            ? { AUTH: "required", SERVICE_KEYS_FILE: keys.publicFile, SERVICE_KEY_FILE: keys.privateFile(name) }
            : { AUTH: "off" }),
          SHUTDOWN_GRACE_MS: "1000",
          ...urls,
          ...settings,
        },
      });
      started.push(target);
      return target;
    };
    const adminAccount = auth === "required" ? { ADMIN_EMAIL: admin.email, ADMIN_PASSWORD: admin.password } : {};
    // Starts all concurrently, and waits for all of them before throwing, so that every started process is stopped.
    const starts = await Promise.allSettled([
      start("user", { SAMPLE_DATA: "false", ...adminAccount }),
      start("product", { SAMPLE_DATA: "true" }),
      start("order"),
      start("notification"),
      start("gateway"),
    ]);
    const [user, product, order, notification, gateway] = starts.map((each) => {
      if (each.status === "rejected") throw each.reason;
      return each.value;
    }) as [TargetProcess, TargetProcess, TargetProcess, TargetProcess, TargetProcess];
    const processes = { user, product, order, notification, gateway };
    const shop = await openShop(processes, auth);
    let tls: Promise<TargetProcess> | undefined;
    return {
      auth,
      processes,
      ...shop,
      target: (kind, tlsUrl) => ({
        kind,
        auth,
        tlsUrl,
        ...shop,
        urls:
          kind === "gateway"
            ? { user: gateway.url, product: gateway.url, order: gateway.url }
            : { user: user.url, product: product.url, order: order.url },
      }),
      path: (kind, victim) => (kind === "gateway" ? [gateway, processes[victim]] : [processes[victim]]),
      withTls() {
        tls ??= (async () =>
          start("product-tls", { SAMPLE_DATA: "true", ...(await writeCertificate(folder)) }, true))();
        return tls;
      },
      isAlive: () => started.every((each) => each.isAlive()),
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Creates a customer, and a product that does not sell out. */
async function openShop({ user, product }: HostileStack["processes"], auth: Auth) {
  const signIn = async ({ email, password }: { readonly email: string; readonly password: string }) =>
    auth === "off"
      ? undefined
      : ((await post(`${user.url}/user.v1.UserService/Login`, { email, password })).accessToken as string);
  const signUp = async (account: typeof customer) => ({
    id: ((await post(`${user.url}/user.v1.UserService/CreateUser`, account)).user as { readonly id: string }).id,
    token: await signIn(account),
  });
  const [good, bad] = [await signUp(customer), await signUp(attacker)];
  const adminToken = await signIn(admin);
  const created = await post(
    `${product.url}/product.v1.ProductService/CreateProduct`,
    { name: "Postcard", price: { currencyCode: "EUR", units: "1" }, stock },
    adminToken,
  );
  await fillCatalogue(product.url, adminToken);
  return {
    userId: bad.id,
    token: bad.token,
    goodUserId: good.id,
    goodToken: good.token,
    productId: (created.product as { readonly id: string }).id,
  };
}

/** Creates products with maximum descriptions, so that list responses are large. */
async function fillCatalogue(url: string, token: string | undefined): Promise<void> {
  const description = "A postcard with a long story. ".repeat(66);
  await Promise.all(
    Array.from({ length: 100 }, (_, index) => {
      const product = { name: `Postcard ${index}`, description, price: { currencyCode: "EUR", units: "1" }, stock: 10 };
      return post(`${url}/product.v1.ProductService/CreateProduct`, product, token);
    }),
  );
}

async function post(url: string, body: object, token?: string): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

/** Writes a signing key for each service that calls others, and the set of their public keys. */
async function writeKeys(folder: string) {
  const privateFile = (name: string) => join(folder, `${name.replace("-tls", "")}.jwk`);
  const publicFile = join(folder, "services.json");
  const keys: object[] = [];
  for (const name of names) {
    const key = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
    const kid = `${name}/1`;
    await writeFile(privateFile(name), JSON.stringify({ ...key, kid }), { mode: 0o600 });
    keys.push({ kty: key.kty, crv: key.crv, x: key.x, kid, alg: "EdDSA", use: "sig" });
  }
  await writeFile(publicFile, JSON.stringify({ keys }));
  return { privateFile, publicFile };
}

async function writeCertificate(folder: string): Promise<Record<string, string>> {
  const [certificate, key] = [join(folder, "tls.pem"), join(folder, "tls.key")];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const names = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"];
  execFileSync("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", certificate, ...names], {
    stdio: "ignore",
  });
  return { TLS_CERT_FILE: certificate, TLS_KEY_FILE: key };
}
