export default function Home() {
  return "the host's own page";
}
