/* What cppcheck must know of libraries whose headers it does not read. */
#define json_object_foreach(object, key, value) for (key = "", value = (json_t *)object; value;)
#define json_array_foreach(array, i, value)     for (i = 0, value = (json_t *)array; value; i++)
