#pragma once
/*
 * An intrusive singly linked queue, for structs with a field `next`.  No ownership, no locks.
 *     struct { struct op *head, **tail; } queue;
 *     list_init(&queue); list_push(&queue, op); op = list_pop(&queue);
 */
#define list_init(q)       ((q)->head = NULL, (q)->tail = &(q)->head)
#define list_empty(q)      ((q)->head == NULL)
#define list_push(q, item) ((item)->next = NULL, *(q)->tail = (item), (q)->tail = &(item)->next)
#define list_pop(q)                              \
    __extension__({                              \
        __typeof__((q)->head) item_ = (q)->head; \
        if (item_) {                             \
            (q)->head = item_->next;             \
            if (!(q)->head)                      \
                (q)->tail = &(q)->head;          \
            item_->next = NULL;                  \
        }                                        \
        item_;                                   \
    })
