// Sets the globals for the steps of a test in a page.

import { setGlobals } from "./globals.mjs";
import * as http from "/essaim/http.js";
import * as essaim from "/essaim/index.js";

setGlobals(http, essaim);
