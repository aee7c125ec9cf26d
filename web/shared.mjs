// What the page and its worker share: places in an Int32Array on a SharedArrayBuffer.
export const FREEZE = 0; // 1: the page wants a snapshot
export const UNREAD = 1; // messages of output that the page has not read yet
export const PLACES = 2;
