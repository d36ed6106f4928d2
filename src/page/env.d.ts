/** Types of what vite puts in: files by their address. */
declare module '*?url' {
  const address: string;
  export default address;
}
