import { outsideWork } from "@parley/rpc/testing";
import { testDatabasesIdle } from "@parley/store/testing";

outsideWork.idle = testDatabasesIdle;
