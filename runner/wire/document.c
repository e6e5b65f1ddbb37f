#include "wire/document.h"
#include "base/limits.h"
#include <expat.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* --- XML ------------------------------------------------------------------------------ */

#define NAME_DEPTH 4 /* root, what is inside of it, record, field */

struct xml {
    XML_Parser parser;
    struct document_sink *sink;
    int depth;                      /* of the element that is open; the root is 1 */
    char name[NAME_DEPTH + 1][48];  /* of the open elements by depth; cut to fit */
    bool leaf[LIMIT_XML_DEPTH + 2]; /* by depth: has had no child so far */
    struct buf text;                /* of the innermost element */
    bool failed;                    /* sink->err says why */
};

static void xml_stop(struct xml *xml)
{
    xml->failed = true;
    XML_StopParser(xml->parser, XML_FALSE);
}

static void xml_fail(struct xml *xml, const char *why)
{
    err_set(xml->sink->err, ERR_SERVER, "the answer is not acceptable XML: %s", why);
    xml_stop(xml);
}

static void xml_start(void *data, const XML_Char *name, const XML_Char **attributes)
{
    struct xml *xml = data;
    (void)attributes;
    if (xml->depth == LIMIT_XML_DEPTH) {
        xml_fail(xml, "it is too deep");
        return;
    }
    xml->leaf[xml->depth] = false;
    xml->depth++;
    xml->leaf[xml->depth] = true;
    if (xml->depth <= NAME_DEPTH)
        snprintf(xml->name[xml->depth], sizeof xml->name[0], "%.47s", name);
    buf_clear(&xml->text);
}

static void xml_text(void *data, const XML_Char *text, int len)
{
    struct xml *xml = data;
    if (!buf_add(&xml->text, text, (size_t)len))
        xml_fail(xml, "a text in it is too long");
}

static void xml_end(void *data, const XML_Char *name)
{
    struct xml *xml = data;
    struct document_sink *sink = xml->sink;
    struct slice text = {buf_str(&xml->text), xml->text.len};
    (void)name;
    int depth = xml->depth, record = sink->inside ? 3 : 2;
    bool told = depth >= record && (!sink->inside || !strcmp(xml->name[2], sink->inside));
    bool ok = true;
    if (told && depth == record + 1 && xml->leaf[depth])
        ok = sink->field(sink->context, xml->name[record], xml->name[depth], text);
    else if (told && depth == record && xml->leaf[depth])
        ok = sink->field(sink->context, NULL, xml->name[depth], text);
    else if (told && depth == record && sink->end)
        ok = sink->end(sink->context, xml->name[depth]);
    buf_clear(&xml->text);
    xml->depth--;
    if (!ok)
        xml_stop(xml);
}

static void xml_doctype(void *data, const XML_Char *name, const XML_Char *system,
                        const XML_Char *public, int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    xml_fail(data, "it has a document type");
}

static bool xml_parse(struct xml *xml, struct slice text)
{
    XML_SetUserData(xml->parser, xml);
    XML_SetElementHandler(xml->parser, xml_start, xml_end);
    XML_SetCharacterDataHandler(xml->parser, xml_text);
    XML_SetStartDoctypeDeclHandler(xml->parser, xml_doctype);
    if (XML_Parse(xml->parser, text.data, (int)text.len, XML_TRUE) == XML_STATUS_OK)
        return true;
    if (!xml->failed)
        err_set(xml->sink->err, ERR_SERVER, "the answer is not a complete XML document: %s",
                XML_ErrorString(XML_GetErrorCode(xml->parser)));
    return false;
}

static bool read_xml(struct slice text, struct document_sink *sink)
{
    struct xml xml = {
        .parser = XML_ParserCreate(NULL), .sink = sink, .text = buf_new(LIMIT_XML_TEXT)};
    if (!xml.parser)
        return err_set(sink->err, ERR_BUG, "no memory for an XML parser");
    bool ok = xml_parse(&xml, text);
    XML_ParserFree(xml.parser);
    buf_free(&xml.text);
    memcpy(sink->root, xml.name[1], sizeof sink->root);
    return ok;
}

/* --- JSON ----------------------------------------------------------------------------- */

/* Counts brackets outside strings, because the parser recurses far deeper than is wanted here. */
static bool json_shallow(struct slice text)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']'))
            depth--;
        if (depth > LIMIT_JSON_DEPTH)
            return false;
    }
    return true;
}

/* A scalar as the text that XML would have; false for what is none. */
static bool json_scalar(const json_t *value, char number[40], struct slice *text)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        *text = (struct slice){json_string_value(value), json_string_length(value)};
        return true;
    case JSON_INTEGER:
        snprintf(number, 40, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        snprintf(number, 40, "%.17e", json_real_value(value)); /* never taken for an integer */
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        snprintf(number, 40, "%s", json_is_true(value) ? "true" : "false");
        break;
    default:
        return false;
    }
    *text = (struct slice){number, strlen(number)};
    return true;
}

static bool json_field(struct document_sink *sink, const char *record, const char *name,
                       const json_t *value)
{
    char number[40];
    struct slice text;
    if (!json_scalar(value, number, &text))
        return true;
    if (text.len > LIMIT_XML_TEXT)
        return err_set(sink->err, ERR_SERVER, "a text in the answer is too long");
    return sink->field(sink->context, record, name, text);
}

static bool json_record(struct document_sink *sink, const char *record, json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name,
                        value) if (!json_field(sink, record, name, value)) return false;
    return !sink->end || sink->end(sink->context, record);
}

static bool json_item(struct document_sink *sink, const char *name, json_t *value)
{
    return json_is_object(value) ? json_record(sink, name, value)
                                 : json_field(sink, NULL, name, value);
}

static bool json_member(struct document_sink *sink, const char *name, json_t *value)
{
    size_t i;
    json_t *item;
    if (!json_is_array(value))
        return json_item(sink, name, value);
    json_array_foreach(value, i, item) if (!json_item(sink, name, item)) return false;
    return true;
}

static bool json_walk(struct document_sink *sink, json_t *root)
{
    const char *name;
    json_t *value;
    if (!json_is_object(root))
        return err_set(sink->err, ERR_SERVER, "the answer is no JSON object");
    if (sink->inside) {
        root = json_object_get(root, sink->inside);
        if (!json_is_object(root))
            return true;
    }
    json_object_foreach(root, name, value) if (!json_member(sink, name, value)) return false;
    return true;
}

static bool read_json(struct slice text, struct document_sink *sink)
{
    if (!json_shallow(text))
        return err_set(sink->err, ERR_SERVER, "the answer is not acceptable JSON: it is too deep");
    json_error_t error;
    json_t *root = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return err_set(sink->err, ERR_SERVER, "the answer is not a complete JSON document: %s",
                       error.text);
    bool ok = json_walk(sink, root);
    json_decref(root);
    return ok;
}

bool document_read(struct slice text, bool json, struct document_sink *sink)
{
    sink->root[0] = '\0';
    if (text.len > LIMIT_DOCUMENT)
        return err_set(sink->err, ERR_SERVER, "the answer is too long");
    /* A Complete keeps its connection alive with spaces, before the XML declaration too. */
    while (text.len > 0 && is_space(*text.data)) {
        text.data++;
        text.len--;
    }
    if (text.len == 0)
        return err_set(sink->err, ERR_SERVER, "the answer is empty");
    return json ? read_json(text, sink) : read_xml(text, sink);
}
