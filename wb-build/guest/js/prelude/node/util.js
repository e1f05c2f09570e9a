import { format, inspect } from "../inspect.js";
import { TextDecoder, TextEncoder } from "../text.js";

export { format, inspect, TextDecoder, TextEncoder };
export default { format, inspect, TextDecoder, TextEncoder };
