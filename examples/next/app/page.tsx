import { Certify } from './certify';

export default function Page() {
  return <Certify />;
}
