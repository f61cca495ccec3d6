/** Types of encrypted collections: the head and the pages of their journal. */

/** The newest page of an encrypted collection that this device knows. Two devices with the same head have the same history. */
export interface JournalHead {
  /** The position of the page. Positions are counted from 1. */
  position: number;
  /** The hash of the page, which covers all pages before it: base64url of SHA-256. */
  hash: string;
  /** The first 44 bits of the hash as four words, so that two users can compare them by voice. */
  words: [string, string, string, string];
}

/** The place that an encrypted collection moves to. The name of the collection on the server stays the same, since it is derived from the key. */
export interface JournalDestination {
  /** The root URL of the new server. */
  remote: string;
  /** The bucket on the new server. Default: the same bucket name as before. */
  bucket?: string;
}

/** A page of an encrypted collection, as this device read it. */
export interface JournalPage {
  /** The position (number) of the page. */
  position: number;
  /** The time of the page in milliseconds since 1970, by the clock of the device that wrote it. Null if this device did not read the page itself. */
  time: number | null;
  /** The random name of the device that wrote the page. Null if this device did not read the page itself. */
  device: string | null;
  /** The size of the page on the server in bytes, encrypted and padded. */
  bytes: number;
  /** The content: changes, a snapshot, the mark that the collection was closed, or nothing (`void`: emptied before any device read it). */
  kind: "changes" | "snapshot" | "closed" | "void";
}
