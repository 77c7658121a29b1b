import { describe, expect, it } from "vitest";
import {
  choice,
  flag,
  readSettings,
  type SettingsError,
  serverConfig,
  serverSettings,
  serverUrl,
  serviceUrl,
  text,
  wholeNumber,
} from "./settings.ts";

const settings = {
  NAME: text({ default: "parley" }),
  ORDER_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50053" }),
  COUNT: wholeNumber({ min: 1, max: 10, default: 5 }),
  AUTH: choice(["off", "required"], { default: "off" }),
  SAMPLE_DATA: flag({ default: false }),
};

describe("settings", () => {
  it("have their defaults if they are unset or empty", () => {
    expect({ ...readSettings(settings, { NAME: "", COUNT: "" }) }).toMatchObject({
      NAME: "parley",
      ORDER_SERVICE_URL: "http://127.0.0.1:50053",
      COUNT: 5,
      AUTH: "off",
      SAMPLE_DATA: false,
    });
  });

  it("are parsed to their types", () => {
    const values = readSettings(settings, {
      COUNT: "7",
      SAMPLE_DATA: "true",
      ORDER_SERVICE_URL: "https://orders:443/",
    });
    expect(values.COUNT).toBe(7);
    expect(values.SAMPLE_DATA).toBe(true);
    expect(values.ORDER_SERVICE_URL).toBe("https://orders:443");
  });

  it("report all mistakes together", () => {
    const wrong = { COUNT: "11", AUTH: "maybe", ORDER_SERVICE_URL: "orders", SAMPLE_DATA: "perhaps" };
    let error: SettingsError | undefined;
    try {
      readSettings({ ...settings, PORT: serverSettings.PORT }, wrong);
    } catch (caught) {
      error = caught as SettingsError;
    }
    for (const name of [...Object.keys(wrong), "PORT"]) {
      expect(error?.message).toContain(`${name}:`);
    }
    expect(error?.message).toContain("from 1 to 10");
    expect(error?.message).toContain("off, required");
  });

  describe("for a URL with other schemes", () => {
    const mail = { SMTP_URL: serverUrl(["smtp", "smtps"], { default: "" }) };

    it.each(["", "smtp://localhost", "smtps://me:secret@mail.example:465/?pool=true"])("may be %j", (SMTP_URL) => {
      expect(readSettings(mail, { SMTP_URL }).SMTP_URL).toBe(SMTP_URL);
    });

    it.each(["nonsense", "localhost:25", "smtp:", "smtp://", "http://mail.example", "mail.example"])(
      "may not be %j",
      (SMTP_URL) => {
        expect(() => readSettings(mail, { SMTP_URL })).toThrow("must be a URL that begins with smtp:// or smtps://");
      },
    );
  });

  it.each(["0", "11", "5.5", "five", " "])("refuse %j as a whole number from 1 to 10", (COUNT) => {
    expect(() => readSettings(settings, { COUNT })).toThrow("from 1 to 10");
  });

  it.each([
    ["user-service:50051", "http://user-service:50051"],
    ["https://orders:443/", "https://orders:443"],
    ["[::1]:1, b:2", "http://[::1]:1,http://b:2"],
    ["dns:///orders:50053", "dns:///orders:50053"],
    ["dns+https://10.0.0.2:53/orders:50053", "dns+https://10.0.0.2:53/orders:50053"],
    ["srv:///_grpc._tcp.orders", "srv:///_grpc._tcp.orders"],
  ])("accept %j as a service URL", (ORDER_SERVICE_URL, target) => {
    expect(readSettings(settings, { ORDER_SERVICE_URL }).ORDER_SERVICE_URL).toBe(target);
  });

  it.each([
    "orders",
    "ftp://orders",
    "http://orders/v1",
    "http://orders?x=1",
    "http://a:1,https://b:2",
    "a:1,",
    "srv:///orders:1",
    "dns://names/orders:1",
  ])("refuse %j as a service URL", (ORDER_SERVICE_URL) => {
    expect(() => readSettings(settings, { ORDER_SERVICE_URL })).toThrow("ORDER_SERVICE_URL");
  });

  it("are converted to the server's configuration", () => {
    const values = readSettings(serverSettings, {
      PORT: "50053",
      CALLS_MAX: "7",
      TLS_CERT_FILE: "c",
      TLS_KEY_FILE: "k",
    });
    expect(serverConfig(values)).toMatchObject({
      host: "127.0.0.1",
      port: 50053,
      tls: { certFile: "c", keyFile: "k" },
      limits: { callsMax: 7, requestBytesMax: 4 * 1024 * 1024 },
      shutdownGraceMs: 10_000,
    });
  });

  it("refuse a certificate without its key, and a key without its certificate", () => {
    for (const half of [{ TLS_CERT_FILE: "c" }, { TLS_KEY_FILE: "k" }, { TLS_CA_FILE: "a" }]) {
      expect(() => readSettings(serverSettings, { PORT: "1", ...half })).toThrow("TLS_");
    }
  });
});
