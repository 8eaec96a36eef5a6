import { defineConfig } from "vite";

// Three files with fixed names, because the node serves exactly these.
export default defineConfig({
  base: "/",
  publicDir: false,
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    target: "es2021",
    outDir: "dist",
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    reportCompressedSize: true,
    rollupOptions: {
      input: "inspector.html",
      output: { entryFileNames: "inspector.js", assetFileNames: "inspector.[ext]", inlineDynamicImports: true },
    },
  },
});
