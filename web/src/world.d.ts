// What the build puts in place of `virtual:world` (../world.ts).
declare module 'virtual:world' {
  /** ISO code, name, path in a drawing 1,000 wide. */
  const outlines: [string, string, string][];
  export default outlines;
}
