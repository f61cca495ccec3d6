/** Encrypted collections: head and pages of their journal. */

/** How far an encrypted collection has come. Two devices with the same head have the same history. */
export interface JournalHead {
  /** How many pages there have been. */
  position: number;
  /** Of the last one, and so of all before it: base64url of SHA-256. */
  hash: string;
  /** The beginning of the hash (44 bits), to be compared by voice. */
  words: [string, string, string, string];
}

/** Where an encrypted collection goes on: in a collection of the same name, made from its key. */
export interface JournalDestination {
  remote: string;
  /** Default: the same as before. */
  bucket?: string;
}

/** A page of an encrypted collection, as this device read it. */
export interface JournalPage {
  position: number;
  /** By the clock of the device that wrote it, in milliseconds since 1970. Null if a snapshot was all that was read of it. */
  time: number | null;
  /** A random name that a browser gave itself. */
  device: string | null;
  /** What it weighs on the server, sealed and padded. */
  bytes: number;
  kind: "changes" | "snapshot" | "closed" | "void";
}
