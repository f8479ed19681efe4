// The participant's page. It knows one trial at a time, as the server hands it out. It stores
// nothing, and sends no request to another server.
"use strict";

const texts = JSON.parse(document.getElementById("texts").textContent);
const main = document.getElementById("main");
const problem = document.getElementById("problem");
const footer = document.querySelector("footer");
const [, page, code] = location.pathname.split("/"); // /s/<invitation> or /p/<participant's token>
let token = page === "p" ? code : null;
// What an arrow key does while a trial waits for its answer: a function of 0 (left) or 1 (right).
let press = null;

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
const say = (text) => { document.getElementById("status").textContent = text; };

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function label(root) {
  for (const element of root.querySelectorAll("[data-text]")) {
    element.textContent = texts[element.dataset.text];
  }
}

// Show a view. Its heading gets the focus, so that screen readers read it and Tab goes on from it.
function show(id) {
  press = null;
  main.replaceChildren(document.getElementById(id).content.cloneNode(true));
  label(main);
  main.dataset.view = id;
  window.scrollTo(0, 0);
  return (selector) => main.querySelector(selector);
}
const focus = (heading) => heading.focus({ preventScroll: true });

class Refused extends Error {
  constructor(status) {
    super(`status ${status}`);
    this.status = status;
  }
}

async function request(method, url, body) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const options = { method, headers, signal: AbortSignal.timeout(20000) };
  if (body) options.body = JSON.stringify(body);
  const response = await fetch(url, options);
  if (!response.ok) throw new Refused(response.status);
  return response.json();
}

// What a participant is told about an error, and whether trying again can help.
function explain(error) {
  const known = { 404: "unknown", 401: "unknown", 410: "full", 429: "too_many" };
  if (error instanceof Refused) {
    const text = texts.problems[known[error.status] ?? "not_saved"];
    return [text, error.status === 429 || error.status >= 500];
  }
  return [error.message === "image" ? texts.problems.image : texts.problems.offline, true];
}

// Do something until it works. Each failure is shown; the participant decides when to try again.
async function insist(action) {
  for (;;) {
    try {
      const result = await action();
      problem.replaceChildren();
      return result;
    } catch (error) {
      if (error.status === 409) {
        // Answered elsewhere, perhaps in another tab: go on from what the server knows.
        action = () => request("GET", "/api/state");
        continue;
      }
      const [text, hope] = explain(error);
      const button = make("button", { type: "button", textContent: texts.again });
      const paragraph = make("p", { textContent: text });
      problem.replaceChildren(make("div", {}, paragraph, ...(hope ? [button] : [])));
      say("");
      button.focus();
      await new Promise((resolve) => button.addEventListener("click", resolve, { once: true }));
      button.disabled = true;
    }
  }
}

function consent() {
  const find = show("consent");
  const button = find("button");
  find("#agree").addEventListener("change", (event) => {
    button.disabled = !event.target.checked;
  });
  find("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    const body = { invitation: code, agreed: true };
    const joined = await insist(() => request("POST", "/api/join", body));
    token = joined.token;
    history.replaceState(null, "", `/p/${token}`);
    proceed(await insist(() => request("GET", "/api/state")));
  });
}

function proceed(state) {
  footer.hidden = false;
  document.getElementById("link").value = location.href;
  if (state.trial === null) end("done");
  else if (state.intro) intro(state);
  else trial(state);
}

function picture(url, alt) {
  return make("img", { src: url, alt, draggable: false });
}

// One picture, or two that are called A and B.
function picturesOf(urls) {
  if (urls.length === 1) return [picture(urls[0], texts.picture)];
  const alt = (index) => fill(texts.picture_of_pair, { letter: "AB"[index] });
  return urls.map((url, index) => picture(url, alt(index)));
}

function choiceKeys(trial) {
  const [left, right] = trial.choices.map((choice) => choice.label);
  return fill(texts.keys, { left, right });
}

function intro(state) {
  const { intro, trial: first } = state;
  const block = texts.blocks[first.block];
  const find = show("intro");
  find(".part").textContent = fill(texts.part, { number: intro.number, of: intro.of });
  find("h1").textContent = block.title;
  find(".text").textContent = block.text;
  find(".keys").textContent = choiceKeys(first);
  if (first.seconds !== null) {
    find(".limit").textContent = fill(texts.time_limit, { seconds: first.seconds });
  }
  for (const { images, answer } of intro.examples) {
    const caption = make("figcaption", { textContent: block.captions[answer] });
    const pictures = make("div", {}, ...picturesOf(images));
    const className = images.length > 1 ? "pair" : "";
    find(".examples").append(make("figure", { className }, pictures, caption));
  }
  footer.querySelector("details").open = first.position === 0;
  const button = find("button");
  button.addEventListener("click", async () => {
    button.disabled = true;
    footer.querySelector("details").open = false;
    trial(await insist(() => request("POST", "/api/begin")));
  });
  focus(find("h1"));
}

async function trial(state) {
  const { trial: now, total } = state;
  const find = show("trial");
  const question = texts.blocks[now.block].question;
  Object.assign(find("progress"), { max: total, value: now.position });
  find("progress").setAttribute("aria-hidden", "true");
  const progress = { number: now.position + 1, of: total };
  find(".progress span").textContent = fill(texts.progress, progress);
  find("h1").textContent = question;
  find(".keys").classList.add("trial-keys");
  find(".keys").textContent = choiceKeys(now);
  const buttons = now.choices.map(({ label }) => {
    const properties = { type: "button", className: "choice", textContent: label, disabled: true };
    return make("button", properties);
  });
  find(".choices").append(...buttons);
  focus(find("h1"));

  const card = (text) => make("div", { className: "card", textContent: text });
  const pictures = find(".pictures");
  pictures.classList.toggle("one", now.images.length < 2);
  if (now.check !== null) {
    const wanted = now.choices.find((choice) => choice.value === now.check).label;
    pictures.append(card(fill(texts.check, { choice: wanted })));
  } else if (now.seconds_left === 0) {
    pictures.append(card(texts.time_over));
  } else {
    const slow = setTimeout(() => say(texts.loading), 500);
    const images = await insist(() => load(now.images));
    clearTimeout(slow);
    pictures.append(...images.map((image) => make("figure", {}, image)));
    if (now.seconds_left !== null) {
      setTimeout(() => {
        if (pictures.isConnected) pictures.replaceChildren(card(texts.time_over));
      }, now.seconds_left * 1000);
    }
    // After two frames the images are on the screen.
    const frame = () => new Promise(requestAnimationFrame);
    await frame();
    await frame();
  }

  const start = performance.now();
  const answer = async (index) => {
    press = null;
    say("");
    for (const button of buttons) button.disabled = true;
    const milliseconds = Math.min(3600000, Math.round(performance.now() - start));
    const { place, position } = now;
    const body = { place, position, choice: now.choices[index].value, milliseconds };
    const next = await insist(() => request("POST", "/api/answer", body));
    say(texts.saved);
    proceed(next);
  };
  buttons.forEach((button, index) => {
    button.disabled = false;
    button.addEventListener("click", () => press && answer(index));
  });
  press = answer;
}

async function load(urls) {
  const images = picturesOf(urls);
  const fail = () => { throw new Error("image"); };
  await Promise.all(images.map((image) => image.decode().catch(fail)));
  return images;
}

function end(name) {
  const find = show("end");
  find("h1").textContent = texts[`${name}_title`];
  find(".text").textContent = texts[name];
  focus(find("h1"));
}

document.addEventListener("keydown", (event) => {
  const index = { ArrowLeft: 0, ArrowRight: 1 }[event.key];
  if (index === undefined || !press || event.repeat) return;
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input")) return;
  event.preventDefault();
  press(index);
});

document.getElementById("copy").addEventListener("click", async () => {
  document.getElementById("link").select();
  try {
    await navigator.clipboard.writeText(location.href); // needs https or localhost
    say(texts.copied);
  } catch { /* the link stays selected */ }
});

document.getElementById("withdraw").addEventListener("click", async () => {
  if (!confirm(texts.withdraw_sure)) return;
  await insist(() => request("POST", "/api/withdraw"));
  footer.hidden = true;
  end("withdrawn");
});

label(document);
if (page === "s") consent();
else insist(() => request("GET", "/api/state")).then(proceed);
