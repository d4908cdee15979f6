/** Turns the compiler's defaults into this page's: runes everywhere. */
export default { compilerOptions: { runes: true } };
