import { runn } from "wb";
