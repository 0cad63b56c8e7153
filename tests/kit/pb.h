/* pb: the generated names of protobuf-c, short enough to read. */
#ifndef EXTPROCD_TESTS_KIT_PB_H
#define EXTPROCD_TESTS_KIT_PB_H

#define PROTOBUF_C__NO_DEPRECATED /* the old place of attributes is still sent by some */
#include <envoy/service/ext_proc/v3/external_processor.pb-c.h>

typedef Envoy__Config__Core__V3__HeaderMap PbHeaderMap;
typedef Envoy__Config__Core__V3__HeaderValue PbHeaderValue;
typedef Envoy__Config__Core__V3__HeaderValueOption PbHeaderValueOption;
typedef Envoy__Config__Core__V3__Metadata PbMetadata;
typedef Envoy__Config__Core__V3__Metadata__FilterMetadataEntry PbFilterMetadataEntry;
typedef Envoy__Extensions__Filters__Http__ExtProc__V3__ProcessingMode__BodySendMode PbBodySendMode;
typedef Envoy__Service__ExtProc__V3__BodyMutation PbBodyMutation;
typedef Envoy__Service__ExtProc__V3__CommonResponse PbCommonResponse;
typedef Envoy__Service__ExtProc__V3__HeaderMutation PbHeaderMutation;
typedef Envoy__Service__ExtProc__V3__HttpBody PbHttpBody;
typedef Envoy__Service__ExtProc__V3__HttpHeaders PbHttpHeaders;
typedef Envoy__Service__ExtProc__V3__HttpHeaders__AttributesEntry PbHttpHeadersAttributesEntry;
typedef Envoy__Service__ExtProc__V3__HttpTrailers PbHttpTrailers;
typedef Envoy__Service__ExtProc__V3__ImmediateResponse PbImmediateResponse;
typedef Envoy__Service__ExtProc__V3__ProcessingRequest PbRequest;
typedef Envoy__Service__ExtProc__V3__ProcessingRequest__AttributesEntry PbAttributesEntry;
typedef Envoy__Service__ExtProc__V3__ProcessingResponse PbResponse;
typedef Envoy__Service__ExtProc__V3__ProtocolConfiguration PbProtocolConfiguration;
typedef Google__Protobuf__Struct PbStruct;
typedef Google__Protobuf__Struct__FieldsEntry PbFieldsEntry;
typedef Google__Protobuf__Value PbValue;

#define PB_CASE_REQUEST(name)  ENVOY__SERVICE__EXT_PROC__V3__PROCESSING_REQUEST__REQUEST_##name
#define PB_CASE_RESPONSE(name) ENVOY__SERVICE__EXT_PROC__V3__PROCESSING_RESPONSE__RESPONSE_##name
#define PB_CASE_MUTATION(name) ENVOY__SERVICE__EXT_PROC__V3__BODY_MUTATION__MUTATION_##name
#define PB_APPEND_ACTION(name)                                                                     \
    ENVOY__CONFIG__CORE__V3__HEADER_VALUE_OPTION__HEADER_APPEND_ACTION__##name
#define PB_CONTINUE_AND_REPLACE                                                                    \
    ENVOY__SERVICE__EXT_PROC__V3__COMMON_RESPONSE__RESPONSE_STATUS__CONTINUE_AND_REPLACE

#endif
