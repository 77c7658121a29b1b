import { type AddressInfo, createServer } from "node:net";
import { SMTPServer } from "smtp-server";
import { afterEach, expect, test } from "vitest";
import { RecipientRefusedError } from "./channel.ts";
import { createSmtpChannel } from "./smtp-channel.ts";

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) {
    await undo();
  }
});

/** A real mail server on a free port; refuses recipients whose address begins with `nobody` for good, `busy` for now. */
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

function channelTo(url: string, timeoutMs = 5_000) {
  const channel = createSmtpChannel({ url, from: "Parley <shop@example.com>", timeoutMs });
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

test("a recipient whom the server refuses for good is told apart from one it refuses for now", async () => {
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

test("a server that says nothing is given up after the time-out", async () => {
  const mute = createServer();
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  cleanUp.push(() => new Promise((resolve) => mute.close(() => resolve())));
  const channel = channelTo(`smtp://127.0.0.1:${(mute.address() as AddressInfo).port}`, 100);
  await expect(channel.send({ ...message, recipient: "alice@example.com" }, never)).rejects.toThrow();
});

test("an abort ends the wait", async () => {
  const channel = channelTo((await mailServer()).url);
  const abort = AbortSignal.abort(new Error("enough"));
  await expect(channel.send({ ...message, recipient: "alice@example.com" }, abort)).rejects.toThrow("enough");
});
