int helps;
