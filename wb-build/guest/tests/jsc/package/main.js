import lodash from "lodash";
