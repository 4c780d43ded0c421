// Calls to /api/v1. A refusal is a Problem with the server's sentence; everything that a later try
// may mend (no network, a timeout, a server that restarts) is a Passing.

import { t } from "./words.js";

const TIMEOUT = 20_000;
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

export class Problem extends Error {
  constructor(status, kind, detail, fields = []) {
    super(detail);
    this.status = status;
    this.kind = kind; // "lease-lost", "round-closed", ...
    this.fields = fields; // [{field, message}] of a request with fields that are wrong
  }
}

export class Passing extends Error {}

const csrf = document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/** Answers {body, now}: the parsed JSON and the server's clock in milliseconds. */
export async function call(method, path, { body, key, keepalive = false } = {}) {
  // Refusals come in the language of the page, which may not be the browser's first.
  const headers = { Accept: "application/json", "Accept-Language": document.documentElement.lang };
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  // A form with files says itself how it is written.
  const json = body !== undefined && !(body instanceof FormData);
  if (json) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  let response;
  let text;
  try {
    response = await fetch(path, {
      method,
      headers,
      keepalive,
      body: json ? JSON.stringify(body) : body,
      signal: AbortSignal.timeout(TIMEOUT),
      cache: "no-store",
    });
    text = await response.text();
  } catch (error) {
    throw new Passing(String(error));
  }
  return read(response, text);
}

function read(response, text) {
  if (PASSING.has(response.status)) throw new Passing(`status ${response.status}`);
  if (response.status === 204) return { body: null, now: Date.now() };
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    // A proxy's page or a broken line: what the server did is unknown, so it must be asked again.
    throw new Passing(`status ${response.status} without JSON`);
  }
  if (!response.ok) {
    const kind = String(body.type ?? "").replace("urn:vetted:", "");
    throw new Problem(response.status, kind, detailOf(body, response), body.fields);
  }
  return { body, now: Date.parse(response.headers.get("Date") ?? "") || Date.now() };
}

const detailOf = (body, { status }) => body.detail ?? t("The server refused ({status}).", { status });
