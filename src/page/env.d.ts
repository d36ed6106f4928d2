/** The types of modules that vite provides: files by their address. */
declare module '*?url' {
  const address: string;
  export default address;
}
