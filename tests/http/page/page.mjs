// What the steps of a test find in their globals: in a page, and in Node.

import { setGlobals } from "./globals.mjs";
import * as http from "/essaim/http.js";
import * as essaim from "/essaim/index.js";

setGlobals(http, essaim);
