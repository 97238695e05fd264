// The page of somebody who stays: every tap is an entry that is kept first, then sent until it is taken.

import { openStore, uuid } from "./monitor_store.js";

const API = "/api/v1/";
const PATIENCE_MS = 15_000;
const RETRY_MS = 5_000;
const LOOK_MS = 20_000;
const SHOW_MS = 10_000;
const LATE_MS = 60_000;
const MINUTE_MS = 60_000;

const STANDS = {
  scheduled: "It has not begun. Say that you are there, then measure twice.",
  ready: "It has not begun. Measure twice, then start together.",
  in_progress: "It runs. Stay in the room. At the end say how awake they are, and measure once more.",
  recovering: "The watched time is over. No driving until tomorrow; their app says when.",
  completed: "It is over. Thank you.",
  cancelled: "It was called off.",
  missed: "It did not take place.",
  aborted: "It ended without a dose. If any of it was swallowed: no driving until tomorrow.",
};

const $ = (id) => document.getElementById(id);
let store;
const page = { token: "", session: "", day: null, offset: 0, online: true, ended: false, isBound: false };

// --- talking to the server -----------------------------------------------------------------------------------

async function ask(method, path, { body, key, token = page.token } = {}) {
  const device = await store.read("device");
  const headers = { Authorization: `Capability ${token} ${device}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), PATIENCE_MS);
  try {
    const answer = await fetch(API + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "omit",
      cache: "no-store",
      signal: waiting.signal,
    });
    const said = await answer.json().catch(() => ({}));
    return { status: answer.status, said };
  } catch {
    return { status: 0, said: {} };
  } finally {
    clearTimeout(timer);
  }
}

// Nothing was decided: no connection, a server in trouble, or too much at once.
const unheard = (status) => status === 0 || status === 408 || status === 429 || status >= 500;
const isCode = (said, code) => said.code === code || (said.reasons ?? []).some((one) => one.code === code);

function words(said) {
  const told = [...(said.errors ?? []), ...(said.reasons ?? [])].map((one) => one.detail);
  return (told.length ? told : [said.detail ?? "This was not taken."]).join(" ");
}

function noteStatus({ status, said }, token = page.token) {
  if (token !== page.token) return;
  page.online = !unheard(status);
  page.ended = status === 401;
  if (isCode(said, "device_not_bound") || isCode(said, "other_device")) page.isBound = false;
}

// --- entries -------------------------------------------------------------------------------------------------

const serverNow = () => new Date(Date.now() + page.offset);

async function enter(kind, title, body) {
  await store.add({
    kind,
    title,
    body,
    token: page.token,
    session: page.session,
    at: serverNow().toISOString(),
    key: uuid(),
    state: "waiting",
  });
  await show();
  send();
}

async function request(entry) {
  const numbered = async () => ({
    ...entry.body,
    client_id: await store.read("client"),
    client_seq: entry.seq,
    observed_at: entry.at,
  });
  const post = (path, body, key) => ask("POST", path, { body, key, token: entry.token });
  // Before the code is entered nobody knows which session it is; a report needs no more than the link.
  if (entry.kind === "report" || !entry.session) return post("adverse-events", entry.body, entry.key);
  const of = `sessions/${entry.session}/`;
  if (entry.kind === "check_in") return post(`${of}check-ins`, await numbered());
  if (entry.kind === "observation") return post(`${of}observations`, await numbered());
  if (entry.kind === "outcome") return post(`${of}dose-outcomes`, entry.body, entry.key);
  const now = await post(`${of}doses`, { ...entry.body, taken_at: entry.at }, entry.key);
  if (!isCode(now.said, "dose_window_over") && !isCode(now.said, "no_dose_again")) return now;
  return post(`${of}late-doses`, { ...entry.body, taken_at: entry.at }, `${entry.key}-late`);
}

// Tells whether the server has decided, and the next entry can go.
async function sendOne(entry) {
  const answer = await request(entry);
  noteStatus(answer, entry.token);
  if (unheard(answer.status)) return false;
  const taken = answer.status >= 200 && answer.status < 300;
  const isOut = isShutOut(answer) && entry.token === page.token;
  const heard = !taken && (isCode(answer.said, "call_emergency") || (isOut && isCode(answer.said, "clinician_called")));
  if (isOut && !heard) {
    // It waits for the code, and is not offered without it again. A link that has ended was asked nothing.
    if (answer.status !== 401 && urgency(entry)) await store.change({ ...entry, isOffered: true });
    return true;
  }
  if (answer.said.code === "entry_changed") {
    await store.renumber(entry);
    return true;
  }
  await store.change({
    ...entry,
    state: taken || heard ? "sent" : "refused",
    // Somebody was called; that it is written down too waits for the code.
    isOwed: isOut && heard && entry.kind !== "check_in",
    sent: serverNow().toISOString(),
    why: taken ? (answer.said.what_now ?? "") : words(answer.said),
  });
  if (heard) $("helped").textContent = words(answer.said);
  return true;
}

const isShutOut = ({ status, said }) =>
  status === 401 || isCode(said, "device_not_bound") || isCode(said, "other_device");

// First what somebody is called for, then what only the server can tell that of: a reading at crisis level.
function urgency({ kind, body }) {
  const isCall = body.all_well === false || body.alertness === "cannot_be_woken" || body.kind === "vomited";
  if (isCall || kind === "report") return 2;
  return ["blood_pressure", "oxygen_saturation"].includes(body.kind) ? 1 : 0;
}

// A device that the link is not bound to is heard in an emergency, and in nothing else.
function canBeSent(entry) {
  if (entry.state !== "waiting" && !entry.isOwed) return false;
  if (entry.token !== page.token) return entry.state === "waiting";
  if (page.ended) return false;
  return page.isBound || (urgency(entry) > 0 && !entry.isOffered && !entry.isOwed);
}

let sending = false;
let again = false;

async function send() {
  if (sending) {
    again = true;
    return;
  }
  sending = true;
  try {
    do {
      again = false;
      const waiting = (await store.entries()).filter(canBeSent);
      waiting.sort((one, other) => urgency(other) - urgency(one) || one.seq - other.seq);
      for (const entry of waiting) {
        // An answer before this one may have said that the link is gone.
        if (canBeSent(entry) && !(await sendOne(entry))) break;
        await show();
      }
    } while (again);
    await store.forgetOld(page.session);
  } finally {
    sending = false;
  }
  await look();
}

// --- where the session stands ----------------------------------------------------------------------------------

async function look() {
  if (page.session && page.isBound && !page.ended) {
    const answer = await ask("GET", `sessions/${page.session}`);
    noteStatus(answer);
    if (answer.status === 200) {
      page.day = answer.said;
      page.isBound = true;
      page.offset = Date.parse(answer.said.server_time) - Date.now();
      await store.write("known", known());
    }
  }
  await show();
}

const known = () => ({ token: page.token, session: page.session, day: page.day, offset: page.offset });

async function bind(code) {
  const device = await store.read("device");
  const answer = await ask("POST", "monitor-devices", { body: { code, device } });
  page.online = !unheard(answer.status);
  if (answer.status === 200) {
    page.session = answer.said.session;
    page.isBound = true;
    await store.write("known", known());
    await send();
    return "";
  }
  page.ended = answer.status === 401;
  if (answer.status === 429) return "Too many tries. Wait some minutes, then try again.";
  return page.online ? words(answer.said) : "There is no connection. Try again where there is one.";
}

// --- showing ---------------------------------------------------------------------------------------------------

// Said once: a screen reader would read out the same words again.
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const clock = (moment) => new Date(moment).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
const may = (action) => (page.day?.next_actions ?? []).includes(action);

async function show() {
  const entries = await store.entries();
  const waiting = entries.filter((entry) => entry.state === "waiting");
  put($("connection"), connection(waiting.length));
  $("bind").hidden = !page.token || page.isBound || page.ended;
  for (const id of ["now", "alertness", "pressure", "happened", "other", "harm"]) $(id).hidden = !page.session;
  $("help").hidden = !page.token;
  const outcomes = entries.filter(isOpenOutcome).map((entry) => entry.body.kind);
  $("dose").hidden = !may("record_dose") || entries.some((entry) => isOpenDose(entry)) || outcomes.length > 0;
  showOutcome(entries.some((entry) => isOpenDose(entry)), outcomes);
  $("well").hidden = !may("check_in") && page.online;
  $("present").hidden = !may("attest_monitor_present") || page.day.status !== "scheduled";
  $("start").hidden = !may("start") || page.day.status === "scheduled";
  $("end").hidden = !may("end");
  showCall(page.day?.call_url ?? "");
  if (page.day) put($("stand"), stand(page.day));
  put($("due"), due(waiting));
  put($("tell"), tell(waiting));
  showLog(entries);
}

function stand(day) {
  const passed = (day.overrides ?? []).slice(0, 1).map((override) => override.detail);
  return [`${day.patient_first_name}: ${STANDS[day.status] ?? ""}`, ...passed].join(" ");
}

// Each is said once; what was taken was not refused.
function showOutcome(isDosed, said) {
  const gone = {
    refused: isDosed || Boolean(page.day?.dosed_at) || said.length > 0,
    vomited: said.includes("vomited"),
  };
  for (const [kind, isGone] of Object.entries(gone)) {
    $(kind).hidden = isGone;
    $(kind).querySelector("input").disabled = isGone;
  }
  $("outcome").hidden = !may("record_dose_outcome") || gone.vomited;
}

function showCall(url) {
  $("call").hidden = !url.startsWith("https://");
  if (!$("call").hidden) $("call").href = url;
}

const isOpenOutcome = (entry) =>
  entry.kind === "outcome" && entry.session === page.session && entry.state !== "refused";
const isOpenDose = (entry) => entry.kind === "dose" && entry.session === page.session && entry.state !== "refused";

// What whoever answers the call asks first, from what this page shows or wrote down; no chart.
function tell(waiting) {
  const taken = page.day?.dosed_at ?? waiting.find(isOpenDose)?.at;
  if (!taken || page.ended) return "";
  return `Say where you are. The dose was taken at ${clock(Date.parse(taken) - page.offset)}: show them the label.`;
}

function connection(count) {
  if (!page.token) return "Open this page by the link that you were sent.";
  const left = count === 1 ? "1 entry is not sent yet." : `${count} entries are not sent yet.`;
  if (page.ended) {
    return `This link has ended.${count ? ` ${left} Call the care team and tell them.` : ""}`;
  }
  const lost = page.online ? "" : "No connection. Go on writing down: it is sent when there is one.";
  const kept = store.lasts ? "" : "This browser forgets when you close the page, so keep it open.";
  return [lost, count ? left : "", kept].filter(Boolean).join(" ");
}

function due(waiting) {
  const next = page.day?.deadlines?.[0];
  if (!next || page.day.status !== "in_progress") return "";
  const left = Date.parse(next.due_at) - serverNow();
  const by = clock(Date.parse(next.due_at) - page.offset);
  if (waiting.some((entry) => entry.kind === "check_in")) return `Your check-in is not sent yet. We need it by ${by}.`;
  if (left <= 0) return `Your check-in was due at ${by}. Tap now.`;
  return `Next check-in by ${by}, in ${Math.ceil(left / MINUTE_MS)} min.`;
}

function showLog(entries) {
  const isShown = (entry) => !entry.session || entry.session === page.session || entry.state !== "sent";
  const own = entries.filter(isShown).reverse();
  $("log").hidden = own.length === 0;
  $("entries").replaceChildren(...own.map(line));
}

function line(entry) {
  const item = document.createElement("li");
  const state = document.createElement("span");
  state.className = entry.state;
  state.textContent = outcome(entry);
  item.append(`${clock(Date.parse(entry.at) - page.offset)} ${entry.title}: `, state);
  return item;
}

function outcome(entry) {
  if (entry.state === "waiting") return "not sent yet";
  if (entry.state === "refused") return `not taken. ${entry.why}`;
  if (entry.why) return entry.why;
  const isLate = Date.parse(entry.sent) - Date.parse(entry.at) > LATE_MS;
  return isLate ? `sent late, at ${clock(Date.parse(entry.sent) - page.offset)}` : "sent";
}

// --- what is tapped --------------------------------------------------------------------------------------------

// A thumb that trembles taps twice.
function once(button, act) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await begun;
      await act();
    } finally {
      setTimeout(() => (button.disabled = false), 1000);
    }
  });
}

function form(id, act) {
  const at = $(id);
  at.addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = Object.fromEntries([...new FormData(at)].map(([name, value]) => [name, value.trim()]));
    await begun;
    const refusal = await act(given);
    at.querySelector(".refusal").textContent = refusal ?? "";
    if (!refusal) at.reset();
  });
}

async function decide(path, body) {
  const answer = await ask("POST", `sessions/${page.session}/${path}`, { body, key: uuid() });
  noteStatus(answer);
  const refusal = unheard(answer.status) ? "This needs a connection. Try again where there is one." : words(answer.said);
  $("now").querySelector(".refusal").textContent = answer.status < 300 ? "" : refusal;
  await look();
}

const whole = (text) => (/^\d{1,4}$/.test(text) ? Number(text) : null);
const NUMBER = "Write whole numbers.";

once($("help"), async () => {
  const first = $("emergency-title").textContent;
  $("helped").textContent = `We call a clinician. ${first}`;
  if (page.session) await enter("check_in", "Help", { all_well: false });
  else await enter("report", "Help", { description: "Whoever keeps company calls for help; the code is not entered yet." });
});
once($("well"), () => enter("check_in", "All is well", { all_well: true }));
once($("bathroom"), () => enter("observation", "Bathroom", { kind: "bathroom" }));
once($("guide_call"), () => enter("observation", "Spoke with the guide", { kind: "guide_call" }));
once($("present"), () => decide("attestations", { kind: "monitor_present" }));
once($("start"), () => decide("start", {}));
once($("end"), async () => {
  await send();
  const isLeft = (await store.entries()).some(canBeSent);
  const left = isLeft ? "Not all that you wrote down is sent yet. " : "";
  // One tap away from "All is well", and nobody watches after it.
  if (confirm(`${left}End it? Nobody is asked for check-ins after that.`)) await decide("end", { reason: "" });
});

form("bind", ({ code }) => bind(code.replaceAll(/\D/g, "")));
form("dose", async ({ route, dose_mg }) => {
  if (!/^\d{1,4}([.,]\d)?$/.test(dose_mg)) return "Write the number on the label, such as 300.";
  await enter("dose", `Dose, ${dose_mg} mg`, { route, dose_mg: dose_mg.replace(",", ".") });
});
form("outcome", ({ kind }) => {
  const said = $(kind).textContent.trim();
  return enter("outcome", `${said}. Give no second dose`, { kind });
});
form("pressure", async ({ systolic_mmhg, diastolic_mmhg, heart_rate_bpm }) => {
  const body = { kind: "blood_pressure", systolic_mmhg: whole(systolic_mmhg), diastolic_mmhg: whole(diastolic_mmhg) };
  if (heart_rate_bpm) body.heart_rate_bpm = whole(heart_rate_bpm);
  if (Object.values(body).includes(null)) return NUMBER;
  await enter("observation", `Blood pressure ${systolic_mmhg}/${diastolic_mmhg}`, body);
});
form("alertness", ({ alertness }) => {
  const said = $("alertness").querySelector("input:checked").parentElement.textContent.trim();
  return enter("observation", said, { kind: "alertness", alertness });
});
form("other", async ({ oxygen_saturation_pct, comfort, note }) => {
  if (!oxygen_saturation_pct && !comfort && !note) return "Fill in one of them.";
  const numbers = { oxygen_saturation: ["oxygen_saturation_pct", oxygen_saturation_pct], comfort: ["comfort", comfort] };
  const given = Object.entries(numbers).filter(([, [, text]]) => text);
  if (given.some(([, [, text]]) => whole(text) === null)) return NUMBER;
  for (const [kind, [name, text]] of given) {
    await enter("observation", `${kind === "comfort" ? "Comfort" : "Oxygen"} ${text}`, { kind, [name]: whole(text) });
  }
  if (note) await enter("observation", "Note", { kind: "note", note });
});
form("harm", ({ description }) => enter("report", "Something went wrong", { description, session: page.session || undefined }));

// --- begin -----------------------------------------------------------------------------------------------------

async function keepAwake() {
  if (document.visibilityState === "visible" && page.day?.status === "in_progress") {
    await navigator.wakeLock?.request("screen").catch(() => {});
  }
}

async function begin() {
  store = await openStore();
  const shown = /^#monitor\/([A-Za-z0-9_-]{20,200})$/.exec(location.hash)?.[1];
  const before = await store.read("known");
  if (before && (!shown || shown === before.token)) {
    Object.assign(page, before, { isBound: Boolean(before.session) });
  } else if (shown) {
    page.token = shown;
  }
  // The token is kept here now; an address in a history or on a screenshot should not have it.
  if (page.token && store.lasts) {
    await store.write("known", known());
    history.replaceState(null, "", location.pathname);
  }
  await show();
}

async function goOn() {
  await begun;
  await send();
  await keepAwake();
}

const begun = begin();
addEventListener("online", goOn);
addEventListener("offline", () => {
  page.online = false;
  begun.then(show);
});
document.addEventListener("visibilitychange", goOn);
// Another invitation, opened where this page is open.
addEventListener("hashchange", () => location.reload());
setInterval(async () => {
  await begun;
  if ((await store.entries()).some(canBeSent)) await send();
}, RETRY_MS);
setInterval(() => begun.then(look), LOOK_MS);
setInterval(() => begun.then(show), SHOW_MS);
navigator.serviceWorker?.register("/monitor/worker.js", { scope: "/monitor/" }).catch(() => {});
goOn();
