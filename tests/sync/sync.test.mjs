// Tests of syncing as apps do it: the package in real browsers, a proxy that misbehaves when a test tells it to, and a real Kinto server.
//
// One file for `node --test`, so that all share a browser. Each suite also runs alone: `node --test tests/sync/meeting.mjs`.

import "./meeting.mjs";
import "./pushing.mjs";
import "./meanwhile.mjs";
import "./pulling.mjs";
import "./hidden-pages.mjs";
import "./bad-lines.mjs";
import "./resolving.mjs";
import "./lost-servers.mjs";
import "./recipes.mjs";
import "./servers.mjs";
import "./bad-input.mjs";
import "./bad-servers.mjs";
import "./kinto-js.mjs";
import "./large-answers.mjs";
import "./odd-numbers.mjs";
import "./deleted-field.mjs";
