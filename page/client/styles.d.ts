// The bundler turns a style sheet into its text, minified (page/internal/bundle).
declare module "*.css" {
  const text: string;
  export default text;
}
