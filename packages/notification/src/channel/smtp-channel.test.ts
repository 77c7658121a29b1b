import { type AddressInfo, createServer } from "node:net";
import { SMTPServer } from "smtp-server";
import { afterEach, expect, test } from "vitest";
import {
  messageIdOf,
  type SmtpAnswer,
  type SmtpStage,
  startScriptedMailServer,
} from "../testing/scripted-mail-server.ts";
import { ChannelUnavailableError, RecipientRefusedError } from "./channel.ts";
import { createSmtpChannel, type SmtpOptions } from "./smtp-channel.ts";

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) {
    await undo();
  }
});

/** A real mail server on a free port; refuses recipients whose address begins with `nobody` permanently, with `busy` temporarily. */
async function mailServer(): Promise<{ url: string; mails: string[] }> {
  const mails: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    onRcptTo({ address }, _session, callback) {
      const code = address.startsWith("nobody") ? 550 : address.startsWith("busy") ? 450 : 0;
      callback(code === 0 ? undefined : Object.assign(new Error("not here"), { responseCode: code }));
    },
    onData(stream, _session, callback) {
      let text = "";
      stream.setEncoding("utf8");
      stream.on("data", (chunk: string) => {
        text += chunk;
      });
      stream.on("end", () => {
        mails.push(text);
        callback();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanUp.push(() => new Promise((resolve) => server.close(() => resolve())));
  return { url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`, mails };
}

function channelTo(url: string, options: Partial<SmtpOptions> = {}) {
  const channel = createSmtpChannel({ url, from: "Parley <shop@example.com>", ...options });
  cleanUp.push(() => channel.close());
  return channel;
}

const message = { key: "01890000-0000-7000-8000-000000000001", subject: "Hello — é", body: "Line one\nLine two" };
const never = new AbortController().signal;

test("a message arrives with its key as Message-ID, the same on a repeat", async () => {
  const { url, mails } = await mailServer();
  const channel = channelTo(url);
  await channel.send({ ...message, recipient: "alice@example.com" }, never);
  await channel.send({ ...message, recipient: "alice@example.com" }, never);
  expect(mails).toHaveLength(2);
  for (const mail of mails) {
    expect(mail).toContain(`Message-ID: <${message.key}@example.com>`);
    expect(mail).toContain("To: alice@example.com");
    expect(mail).toContain("Line one");
  }
});

test("a permanent refusal of a recipient is distinguished from a temporary one", async () => {
  const channel = channelTo((await mailServer()).url);
  await expect(channel.send({ ...message, recipient: "nobody@example.com" }, never)).rejects.toThrow(
    RecipientRefusedError,
  );
  const busy = channel.send({ ...message, recipient: "busy@example.com" }, never);
  await expect(busy).rejects.not.toThrow(RecipientRefusedError);
});

test("a line break in a subject cannot add a header", async () => {
  const { url, mails } = await mailServer();
  await channelTo(url).send(
    { ...message, recipient: "alice@example.com", subject: "x\r\nBcc: eve@example.com" },
    never,
  );
  expect(mails[0]).not.toMatch(/^Bcc:/m);
});

test("an unresponsive server fails after the timeout", async () => {
  const mute = createServer();
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  cleanUp.push(() => new Promise((resolve) => mute.close(() => resolve())));
  const channel = channelTo(`smtp://127.0.0.1:${(mute.address() as AddressInfo).port}`, { connectTimeoutMs: 100 });
  await expect(channel.send({ ...message, recipient: "alice@example.com" }, never)).rejects.toThrow(
    ChannelUnavailableError,
  );
});

test("an abort ends the wait", async () => {
  const channel = channelTo((await mailServer()).url);
  const abort = AbortSignal.abort(new Error("enough"));
  await expect(channel.send({ ...message, recipient: "alice@example.com" }, abort)).rejects.toThrow("enough");
});

async function scriptedServer() {
  const server = await startScriptedMailServer();
  cleanUp.push(() => server.goAway());
  return server;
}

type Kind = "refused" | "unavailable" | "this attempt";
/** The kind of each failure: a permanently refused recipient, an unusable server, or a failed attempt. */
const failures: readonly (readonly [SmtpStage, SmtpAnswer, Kind])[] = [
  ["greeting", "554 5.3.2 no service", "unavailable"],
  ["greeting", "421 4.3.2 closing", "unavailable"],
  ["greeting", "close", "unavailable"],
  ["EHLO", "close", "unavailable"],
  ["AUTH", "535 5.7.8 wrong password", "unavailable"],
  ["AUTH", "454 4.7.0 try later", "unavailable"],
  ["AUTH", "close", "unavailable"],
  ["MAIL", "550 5.7.1 you may not send", "unavailable"],
  ["MAIL", "553 5.1.8 sender unknown", "unavailable"],
  ["MAIL", "451 4.3.0 later", "unavailable"],
  ["MAIL", "530 5.7.0 sign in first", "unavailable"],
  ["MAIL", "close", "this attempt"],
  ["RCPT", "550 5.1.1 no such mailbox", "refused"],
  ["RCPT", "501 5.1.3 bad address", "refused"],
  ["RCPT", "552 5.2.2 mailbox full", "refused"],
  ["RCPT", "556 5.1.10 takes no mail", "refused"],
  ["RCPT", "450 4.2.1 greylisted", "this attempt"],
  ["RCPT", "452 4.3.1 disk full", "this attempt"],
  ["RCPT", "503 5.5.1 bad sequence", "this attempt"],
  ["RCPT", "530 5.7.0 sign in first", "unavailable"],
  ["RCPT", "421 4.3.2 closing", "unavailable"],
  ["RCPT", "close", "this attempt"],
  ["DATA", "554 5.5.1 no valid recipients", "refused"],
  ["DATA", "451 4.3.0 later", "this attempt"],
  ["DATA", "close", "this attempt"],
  ["message", "554 5.7.1 spam", "refused"],
  ["message", "552 5.3.4 too large", "refused"],
  ["message", "451 4.3.0 later", "this attempt"],
  ["message", "421 4.3.2 closing", "unavailable"],
  ["message", "close", "this attempt"],
];

test.each(failures)("%s answered with %s: %s", async (stage, answer, kind) => {
  const server = await scriptedServer();
  const channel = channelTo(`smtp://shop:secret@127.0.0.1:${server.port}`);
  server.script = (at) => (at === stage ? answer : undefined);
  const error = await channel.send({ ...message, recipient: "alice@example.com" }, never).then(
    () => undefined,
    (reason: Error) => reason,
  );
  const kindOf = (failure: Error | undefined): Kind | "none" => {
    if (failure === undefined) return "none";
    if (failure instanceof RecipientRefusedError) return "refused";
    return failure instanceof ChannelUnavailableError ? "unavailable" : "this attempt";
  };
  expect([kindOf(error), error?.message]).toEqual([kind, expect.any(String)]);

  // In each case the channel works again when the server does.
  server.script = () => undefined;
  await channel.send({ ...message, key: "after", recipient: "alice@example.com" }, never);
  expect(server.messages.map(messageIdOf)).toContain("after");
});

test("a closed port makes the channel unavailable", async () => {
  const server = await scriptedServer();
  await server.goAway();
  const send = channelTo(`smtp://127.0.0.1:${server.port}`).send({ ...message, recipient: "alice@example.com" }, never);
  await expect(send).rejects.toThrow(ChannelUnavailableError);
  await server.comeBack();
});

test("an invalid recipient is refused, and an invalid sender is not the recipient's fault", async () => {
  const server = await scriptedServer();
  const url = `smtp://127.0.0.1:${server.port}`;
  const bad = channelTo(url).send({ ...message, recipient: "alice\n@example.com" }, never);
  await expect(bad).rejects.toThrow(RecipientRefusedError);
  server.script = (stage) => (stage === "MAIL" ? "550 5.6.7 no such addresses here" : undefined);
  const foreign = channelTo(url).send({ ...message, recipient: "jürgen@example.com" }, never);
  await expect(foreign).rejects.toThrow(RecipientRefusedError);
});

test("connections are reused and replaced, within the configured number", async () => {
  const server = await scriptedServer();
  const channel = channelTo(`smtp://127.0.0.1:${server.port}`, { connectionsMax: 3 });
  expect(channel.concurrencyMax).toBe(3);
  const send = (key: string) => channel.send({ ...message, key, recipient: "alice@example.com" }, never);
  for (const key of ["a", "b", "c"]) {
    await send(key);
  }
  expect(server.connectionCount).toBe(1);
  await Promise.all(["d", "e", "f"].map(send));
  expect(server.connectionCount).toBe(3);
  await server.goAway();
  await server.comeBack();
  await send("g");
  expect(server.messages.map(messageIdOf).sort()).toEqual(["a", "b", "c", "d", "e", "f", "g"]);
});

test("after an abort no more of the message arrives", async () => {
  const server = await scriptedServer();
  const held = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  server.script = (stage) => {
    if (stage !== "DATA") return undefined;
    reached.resolve();
    return held.promise;
  };
  const abort = new AbortController();
  const send = channelTo(`smtp://127.0.0.1:${server.port}`).send(
    { ...message, recipient: "alice@example.com" },
    abort.signal,
  );
  await reached.promise;
  abort.abort(new Error("enough"));
  await expect(send).rejects.toThrow("enough");
  held.resolve();
  await channelTo(`smtp://127.0.0.1:${server.port}`).send(
    { ...message, key: "other", recipient: "alice@example.com" },
    never,
  );
  expect(server.messages.map(messageIdOf)).toEqual(["other"]);
});
