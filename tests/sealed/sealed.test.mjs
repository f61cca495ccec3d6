// Tests of encrypted collections: the package as apps use it, a proxy that lies when a test tells it to, and a real Kinto server.
//
// One file for `node --test`. Each suite also runs alone: `node --test tests/sealed/hidden.mjs`.

import "./hidden.mjs";
import "./lost.mjs";
import "./repaired.mjs";
import "./closed.mjs";
import "./forked.mjs";
import "./altered.mjs";
import "./answered.mjs";
import "./meanwhile.mjs";
import "./snapshots.mjs";
import "./housekeeping.mjs";
import "./years.mjs";
import "./privacy.mjs";
import "./places.mjs";
import "./secrets.mjs";
import "./cost.mjs";
import "./reload.mjs";
import "./schedules.mjs";
import "./firefox.mjs";
import "./endless.mjs";
import "./unbounded.mjs";
