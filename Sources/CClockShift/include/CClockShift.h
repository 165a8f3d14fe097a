#pragma once
/* For laboratories alone: a library that the loader puts before the C library (LD_PRELOAD). Its functions are those of the C
   library, and nothing here is for calling. */
